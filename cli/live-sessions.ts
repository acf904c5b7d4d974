/** What people are told, beside the result, of a change that live sessions take over (the broker's authorization/). */
import type { Output } from '../runtime/command-line/output.ts';

/** @param who `devices of a, b have it` */
export function tellLiveSessions(output: Pick<Output, 'note'>, who: string): void {
  output.note(
    `${who} within a second, without reconnecting: subscriptions that are no longer granted end, and what waits under them is not delivered; to what is newly granted, devices have to subscribe`,
  );
}
