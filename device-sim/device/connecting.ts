/** How a device gets online: with a certificate that is renewed first where that is due, and with the one before if need be. */
import type { Clock } from '../../core/clock.ts';
import { asFailure, Failure } from '../contract/failure.ts';
import type { Session } from '../contract/mqtt-session.ts';
import { adoptSuccessor, discardSuccessor, type Identity } from '../identity/identity.ts';
import type { IdentityStorage } from '../identity/identity-storage.ts';
import type { DeviceState } from './device-state.ts';
import type { Renewer } from './renewer.ts';

interface Connecting {
  readonly storage: IdentityStorage;
  readonly renewer: Renewer;
  /** @throws Failure */
  readonly connect: (identity: Identity, signal: AbortSignal) => Promise<Session>;
  readonly clock: Clock;
}

type ConnectingState = DeviceState & { name: 'connecting' };

/** @throws Failure */
export async function connect(
  parts: Connecting,
  state: ConnectingState,
  signal: AbortSignal,
): Promise<DeviceState> {
  const { identity, fallback, failures } = state;
  const renewal = await renewFirst(parts, state, signal);
  if (renewal !== undefined && !(renewal instanceof Failure)) {
    return { name: 'connecting', identity: renewal, fallback: identity, failures };
  }
  try {
    const open =
      fallback === undefined
        ? { identity, session: await parts.connect(identity, signal) }
        : await connectWithSuccessor(parts, identity, fallback, signal);
    return { name: 'online', ...open, since: parts.clock.now(), failures };
  } catch (error) {
    // Where both listeners refuse, the one that tells why is right.
    throw isRefusal(renewal) && renewal.retry === 'never' && isRefusal(error) ? renewal : error;
  }
}

/**
 * What a device does that was away when its certificate fell due, for hours or for months.
 * @returns the successor; the failure, where the certificate will do all the same; undefined where none is due
 * @throws Failure where it has expired and is not renewed
 */
async function renewFirst(
  { storage, renewer }: Connecting,
  { identity, fallback }: ConnectingState,
  signal: AbortSignal,
): Promise<Identity | Failure | undefined> {
  const isExpired = renewer.isExpired(identity);
  // A successor that nobody has admitted yet is itself a renewal.
  if (!isExpired && (fallback !== undefined || !renewer.isDue(identity))) return undefined;
  // It has expired, and what it was to follow before it: that is of no use any more.
  if (fallback !== undefined) await adoptSuccessor(storage);
  try {
    return await renewer.attempt(identity, signal);
  } catch (error) {
    if (isExpired) throw error;
    return asFailure(error);
  }
}

/**
 * The first use of a renewed certificate. Where the broker refuses it, the one before will do while it is valid;
 * only when that was admitted is the successor given up: refused both, the device keeps both.
 */
async function connectWithSuccessor(
  { storage, renewer, connect: open }: Connecting,
  successor: Identity,
  fallback: Identity,
  signal: AbortSignal,
): Promise<{ identity: Identity; session: Session }> {
  try {
    const session = await open(successor, signal);
    await orEnd(session, adoptSuccessor(storage));
    return { identity: successor, session };
  } catch (error) {
    if (!isRefusal(error) || renewer.isExpired(fallback)) throw error;
    const session = await open(fallback, signal);
    await orEnd(session, discardSuccessor(storage));
    renewer.refused(fallback, error);
    return { identity: fallback, session };
  }
}

/** A session that nobody would come to hold must not stay open. */
async function orEnd(session: Session, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    await session.end();
    throw error;
  }
}

/** The server was reached and said no; another attempt at once would be told the same. */
function isRefusal(error: unknown): error is Failure {
  return error instanceof Failure && error.retry !== 'soon';
}
