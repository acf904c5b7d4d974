/**
 * A device's life as a state machine: it enrolls, connects, works, and whatever fails on the way it tries again
 * after a wait, until it is stopped or refused for good. While it is online it renews its certificate, and then
 * connects again with the new one; one that is due when it is not online, it renews before it connects.
 *
 *     enrolling ──► connecting ◄──► online ──► stopped
 *         │  ▲         │  ▲          │
 *         ▼  │         ▼  │          │
 *        waiting      waiting ◄──────┘          any ──► refused
 */
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import type { DeviceId } from '../../core/ids.ts';
import { asFailure, Failure } from '../contract/failure.ts';
import type { Session } from '../contract/mqtt-session.ts';
import { enrollIdentity } from '../identity/enroll-identity.ts';
import { type Identity, loadIdentity, loadSuccessor } from '../identity/identity.ts';
import type { IdentityStorage } from '../identity/identity-storage.ts';
import type { KeyType } from '../identity/private-key.ts';
import { type Backoff, backoffDelay } from './backoff.ts';
import { connect } from './connecting.ts';
import { comingBack, type DeviceState, type Occupation } from './device-state.ts';
import { type RenewalOptions, Renewer } from './renewer.ts';
import type { Sleep } from './sleep.ts';

export interface DeviceOptions {
  readonly storage: IdentityStorage;
  readonly requestedId: DeviceId | undefined;
  readonly keyType: KeyType;
  /** Sends a CSR with the device's token. @throws Failure */
  readonly enroll: (csr: string, signal: AbortSignal) => Promise<EnrollResponse>;
  readonly renewal: RenewalOptions;
  /** @throws Failure */
  readonly connect: (identity: Identity, signal: AbortSignal) => Promise<Session>;
  readonly occupation: Occupation;
  readonly backoff: Backoff;
  /** For a refusal that an operator may lift; null for a device that takes it for final. */
  readonly patience: Backoff | null;
  /** The server's time, as far as it is known. */
  readonly clock: Clock;
  readonly sleep: Sleep;
  /** Attempts in a row after which the device gives up; Infinity for one that never does. */
  readonly maxFailures: number;
  /** Told every state as it is entered. */
  readonly observe: (state: DeviceState) => void;
}

interface Life extends DeviceOptions {
  readonly renewer: Renewer;
}

/** A session that lasted this long was a success: the next loss begins with a short wait again. */
const STABLE_MS = 10_000;

/** Lives until `signal` aborts or a refusal is final. @returns that refusal, or undefined where it was stopped */
export async function runDevice(options: DeviceOptions, signal: AbortSignal): Promise<Failure | undefined> {
  const life: Life = { ...options, renewer: new Renewer(options) };
  let state = await begin(options);
  for (;;) {
    options.observe(state);
    switch (state.name) {
      case 'refused':
        return state.reason;
      case 'stopped':
        return undefined;
      default:
        state = signal.aborted && state.name !== 'online' ? stopped : await step(life, state, signal);
    }
  }
}

const stopped: DeviceState = { name: 'stopped' };

/** A device that has its identity never enrolls again. */
async function begin({ storage, requestedId }: DeviceOptions): Promise<DeviceState> {
  try {
    const current = await loadIdentity(storage);
    if (current === undefined) return { name: 'enrolling', failures: 0 };
    if (requestedId !== undefined && current.deviceId !== requestedId) {
      throw new GatehouseError('state_invalid', `${storage.place} is the state of ${current.deviceId}`);
    }
    const successor = await loadSuccessor(storage);
    return {
      name: 'connecting',
      identity: successor ?? current,
      fallback: successor && current,
      failures: 0,
    };
  } catch (error) {
    return { name: 'refused', reason: asFailure(error) };
  }
}

type LivingState = Exclude<DeviceState, { name: 'refused' | 'stopped' }>;

async function step(life: Life, state: LivingState, signal: AbortSignal): Promise<DeviceState> {
  try {
    switch (state.name) {
      case 'enrolling':
        return await enrolling(life, signal);
      case 'connecting':
        return await connect(life, state, signal);
      case 'online':
        return await online(life, state, signal);
      case 'waiting':
        await life.sleep(state.delay, signal);
        return state.next;
    }
  } catch (error) {
    if (signal.aborted) return stopped;
    return afterFailure(life, state, asFailure(error));
  }
}

async function enrolling(life: Life, signal: AbortSignal): Promise<DeviceState> {
  const { storage, requestedId, keyType } = life;
  const enroll = (csr: string) => life.enroll(csr, signal);
  const identity = await enrollIdentity({ storage, requestedId, keyType, enroll });
  return { name: 'connecting', identity, failures: 0 };
}

/** Works, and renews meanwhile. @throws Failure when the session is over and nobody asked for that */
async function online(
  life: Life,
  { identity, session }: DeviceState & { name: 'online' },
  signal: AbortSignal,
): Promise<DeviceState> {
  const leave = new AbortController();
  void session.closed.then(() => leave.abort());
  const untilLeaving = AbortSignal.any([signal, leave.signal]);
  const renewing = life.renewer.whenDue(identity, untilLeaving).finally(() => leave.abort(comingBack));
  const working = work(life, { identity, session, signal: untilLeaving }).finally(() => leave.abort());
  // Both end, whichever fails: neither may go on behind the device's back.
  const [worked, renewed] = await Promise.allSettled([working, renewing]);
  if (renewed.status === 'rejected') throw renewed.reason;
  if (signal.aborted) return stopped;
  if (renewed.value !== undefined) {
    return { name: 'connecting', identity: renewed.value, fallback: identity, failures: 0 };
  }
  if (worked.status === 'rejected') throw worked.reason;
  throw new Failure('connection_lost', 'the broker ended the connection', { retry: 'soon' });
}

async function work({ occupation }: Life, online: Parameters<Occupation>[0]): Promise<void> {
  try {
    await occupation(online);
  } finally {
    await online.session.end();
    await online.session.closed;
  }
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
    state.name === 'online'
      ? { name: 'connecting', identity: state.identity, failures }
      : { ...state, failures };
  return { name: 'waiting', delay: backoffDelay(backoff, failures, reason.retryAfter ?? 0), reason, next };
}
