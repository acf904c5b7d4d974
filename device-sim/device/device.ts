/**
 * A device's life as a state machine: it enrolls, connects, works, and whatever fails on the way it tries again
 * after a wait, until it is stopped or refused for good.
 *
 *     enrolling ──► connecting ──► online ──► stopped
 *         │  ▲         │  ▲          │
 *         ▼  │         ▼  │          │
 *        waiting      waiting ◄──────┘          any ──► refused
 */
import type { EnrollResponse } from '../../core/api.ts';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import type { DeviceId } from '../../core/ids.ts';
import { asFailure, Failure } from '../contract/failure.ts';
import type { Session } from '../contract/mqtt-session.ts';
import { enrollIdentity, type Identity, loadIdentity } from '../identity/identity.ts';
import type { IdentityStorage } from '../identity/identity-storage.ts';
import type { KeyType } from '../identity/private-key.ts';
import { type Backoff, backoffDelay } from './backoff.ts';
import type { Sleep } from './sleep.ts';

export type DeviceState =
  /** `failures`: attempts in a row that have failed since something last went well. */
  | { readonly name: 'enrolling'; readonly failures: number }
  | { readonly name: 'connecting'; readonly identity: Identity; readonly failures: number }
  | {
      readonly name: 'online';
      readonly identity: Identity;
      readonly session: Session;
      /** Milliseconds since the Unix epoch. */
      readonly since: number;
      readonly failures: number;
    }
  | {
      readonly name: 'waiting';
      /** Milliseconds. */
      readonly delay: number;
      readonly reason: Failure;
      readonly next: DeviceState;
    }
  | { readonly name: 'refused'; readonly reason: Failure }
  | { readonly name: 'stopped' };

/** What a device does while it is online. It returns once `signal` aborts, and may reject with a `Failure`. */
export type Occupation = (online: {
  readonly identity: Identity;
  readonly session: Session;
  /** Aborts when the device is to stop, and when the connection is gone. */
  readonly signal: AbortSignal;
}) => Promise<void>;

export interface DeviceOptions {
  readonly storage: IdentityStorage;
  readonly requestedId: DeviceId | undefined;
  readonly keyType: KeyType;
  /** Sends a CSR with the device's token. @throws Failure */
  readonly enroll: (csr: string, signal: AbortSignal) => Promise<EnrollResponse>;
  /** @throws Failure */
  readonly connect: (identity: Identity, signal: AbortSignal) => Promise<Session>;
  readonly occupation: Occupation;
  readonly backoff: Backoff;
  /** For a refusal that an operator may lift; null for a device that takes it for final. */
  readonly patience: Backoff | null;
  readonly clock: Clock;
  readonly sleep: Sleep;
  /** Attempts in a row after which the device gives up; Infinity for one that never does. */
  readonly maxFailures: number;
  /** Told every state as it is entered. */
  readonly observe: (state: DeviceState) => void;
}

/** A session that lasted this long was a success: the next loss begins with a short wait again. */
const STABLE_MS = 10_000;

/** Lives until `signal` aborts or a refusal is final. @returns that refusal, or undefined where it was stopped */
export async function runDevice(options: DeviceOptions, signal: AbortSignal): Promise<Failure | undefined> {
  let state = await begin(options);
  for (;;) {
    options.observe(state);
    switch (state.name) {
      case 'refused':
        return state.reason;
      case 'stopped':
        return undefined;
      default:
        state = signal.aborted && state.name !== 'online' ? stopped : await step(options, state, signal);
    }
  }
}

const stopped: DeviceState = { name: 'stopped' };

/** A device that has its identity never enrolls again. */
async function begin({ storage, requestedId }: DeviceOptions): Promise<DeviceState> {
  try {
    const identity = await loadIdentity(storage);
    if (identity === undefined) return { name: 'enrolling', failures: 0 };
    if (requestedId !== undefined && identity.deviceId !== requestedId) {
      throw new GatehouseError('state_invalid', `${storage.place} is the state of ${identity.deviceId}`);
    }
    return { name: 'connecting', identity, failures: 0 };
  } catch (error) {
    return { name: 'refused', reason: asFailure(error) };
  }
}

type LivingState = Exclude<DeviceState, { name: 'refused' | 'stopped' }>;

async function step(options: DeviceOptions, state: LivingState, signal: AbortSignal): Promise<DeviceState> {
  try {
    switch (state.name) {
      case 'enrolling':
        return await enrolling(options, signal);
      case 'connecting':
        return await connecting(options, state, signal);
      case 'online':
        return await online(options, state, signal);
      case 'waiting':
        await options.sleep(state.delay, signal);
        return state.next;
    }
  } catch (error) {
    if (signal.aborted) return stopped;
    return afterFailure(options, state, asFailure(error));
  }
}

async function enrolling(options: DeviceOptions, signal: AbortSignal): Promise<DeviceState> {
  const { storage, requestedId, keyType } = options;
  const enroll = (csr: string) => options.enroll(csr, signal);
  const identity = await enrollIdentity({ storage, requestedId, keyType, enroll });
  return { name: 'connecting', identity, failures: 0 };
}

async function connecting(
  { connect, clock }: DeviceOptions,
  { identity, failures }: DeviceState & { name: 'connecting' },
  signal: AbortSignal,
): Promise<DeviceState> {
  if (identity.notAfter <= clock.now()) {
    throw new GatehouseError(
      'certificate_expired',
      `the certificate expired at ${new Date(identity.notAfter).toISOString()}`,
    );
  }
  const session = await connect(identity, signal);
  return { name: 'online', identity, session, since: clock.now(), failures };
}

/** @throws Failure when the session is over and nobody stopped the device */
async function online(
  { occupation }: DeviceOptions,
  { identity, session }: DeviceState & { name: 'online' },
  signal: AbortSignal,
): Promise<DeviceState> {
  const offline = new AbortController();
  const gone = session.closed.then(() => offline.abort());
  try {
    await occupation({ identity, session, signal: AbortSignal.any([signal, offline.signal]) });
  } finally {
    await session.end();
    await gone;
  }
  if (signal.aborted) return stopped;
  throw new Failure('connection_lost', 'the broker ended the connection', { retry: 'soon' });
}

/** Where a failure leads: to the same attempt after a wait, or to the end. */
function afterFailure(options: DeviceOptions, state: LivingState, reason: Failure): DeviceState {
  const { clock, maxFailures } = options;
  const backoff = { soon: options.backoff, later: options.patience, never: null }[reason.retry];
  if (backoff === null || state.name === 'waiting') return { name: 'refused', reason };
  const wasStable = state.name === 'online' && clock.now() - state.since >= STABLE_MS;
  const failures = wasStable ? 1 : state.failures + 1;
  if (failures >= maxFailures) return { name: 'refused', reason };
  const next: DeviceState =
    state.name === 'enrolling'
      ? { name: 'enrolling', failures }
      : { name: 'connecting', identity: state.identity, failures };
  return { name: 'waiting', delay: backoffDelay(backoff, failures, reason.retryAfter ?? 0), reason, next };
}
