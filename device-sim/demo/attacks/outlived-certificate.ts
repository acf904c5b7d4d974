/** A device that stays connected until its certificate ends, and comes back with it. */
import type { Session } from '../../contract/mqtt-session.ts';
import type { Identity } from '../../identity/identity.ts';
import { admission, within } from '../outcome.ts';
import type { Stage } from '../stage.ts';

/** What Gatehouse promises, of every way in which a session loses its right to be there. */
export const CUT_OFF_WITHIN_MS = 1_000;
const GROUP = 'short-lived';
const VALIDITY_SECONDS = 3;

export async function outliveCertificate(stage: Stage): Promise<string> {
  const { identity, session } = await connectBriefly(stage, VALIDITY_SECONDS);
  const { notAfter } = identity;
  // By the clock, which is the broker's too: on a busy machine a timer of ours may be as late as what it waits for.
  const closedAt = session.closed.then(() => Date.now());
  const isCutOff = await within(notAfter + CUT_OFF_WITHIN_MS - Date.now(), closedAt);
  const words = !isCutOff ? 'still connected' : (await closedAt) < notAfter ? 'cut off too early' : 'cut off';
  // Certificates count in whole seconds: let the last one pass.
  await stage.pause(Math.max(0, notAfter + 1_000 - Date.now()));
  return `${words}, then ${await admission(stage, () => stage.connect(identity))}`;
}

/** With a certificate of so many seconds, or of more where this machine does not connect within them. */
async function connectBriefly(
  stage: Stage,
  validity: number,
): Promise<{ readonly identity: Identity; readonly session: Session }> {
  await stage.operator.applyProfile({ name: GROUP, validity });
  await stage.operator.applyGroup(GROUP, { description: '', profile: GROUP, policy: 'device' });
  const identity = await stage.enroll(stage.newId(), { group: GROUP });
  try {
    return { identity, session: await stage.connect(identity) };
  } catch (error) {
    if (Date.now() <= identity.notAfter) throw error;
    return connectBriefly(stage, validity * 4);
  }
}
