/** What people are told, beside the result, of a change that live sessions take over (the broker's authorization/). */
import type { Output } from '../runtime/command-line/output.ts';

/** @param who `devices of a, b have it` */
export function tellLiveSessions(output: Pick<Output, 'note'>, who: string): void {
  output.note(
    `${who} within a second, and stay connected: subscriptions that are no longer granted end, what waits under them is not delivered, and to publish what is no longer granted ends the session. What is newly granted, devices have to subscribe to.`,
  );
}
