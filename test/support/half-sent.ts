/** An upload of which the server takes one at a time, begun and not ended. */
import type { ClientRequest } from 'node:http';
import { eventually } from './eventually.ts';

/** What another was answered while `asked` went on. */
export interface HalfSent<Busy> {
  readonly asked: ClientRequest;
  readonly busy: Busy;
}

/**
 * An upload that the server has begun to read: it is when no other is taken. Who asks whether one is taken uploads as well,
 * and may have come first; then this one was the one refused, and begins again.
 *
 * @param begin sends the first part of it
 * @param another what another upload is answered, if it is refused for this one
 */
export async function halfSent<Busy>(
  begin: () => ClientRequest,
  another: () => Promise<Busy | undefined>,
): Promise<HalfSent<Busy>> {
  for (;;) {
    const asked = begin();
    let refused = false;
    asked.on('response', (response) => {
      refused = response.statusCode === 409;
      response.resume();
    });
    const busy = await eventually(async () => (refused ? 'refused' : another()));
    if (busy !== 'refused') return { asked, busy };
    asked.destroy();
  }
}
