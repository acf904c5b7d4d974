/** A device for which all goes as a test has it, and what was seen of its life. */
import { once } from 'node:events';
import { beforeEach } from '@jest/globals';
import { parseDeviceId } from '../../../core/ids.ts';
import { Failure } from '../../../device-sim/contract/failure.ts';
import type { Session } from '../../../device-sim/contract/mqtt-session.ts';
import { patientBackoff } from '../../../device-sim/device/backoff.ts';
import type { DeviceOptions } from '../../../device-sim/device/device.ts';
import type { DeviceState } from '../../../device-sim/device/device-state.ts';
import type { RenewalEvent } from '../../../device-sim/device/renewer.ts';
import { memoryStorage } from '../../../device-sim/identity/identity-storage.ts';
import { type Authority, createAuthority } from './authority.ts';

export let authority: Authority;
export let stop: AbortController;
let states: DeviceState[];
export let waits: number[];
export let renewals: RenewalEvent[];

beforeEach(async () => {
  authority = await createAuthority();
  stop = new AbortController();
  states = [];
  waits = [];
  renewals = [];
});

/** Longer than any wait after a failure: what is waited for is that renewal is due. */
export const LONG_MS = 1_800_000;

export async function until(signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === false) await once(signal, 'abort');
}

export const transient = new Failure('server_unreachable', 'not there', { retry: 'soon' });
export const busy = new Failure('rate_limited', 'slower', { retry: 'soon', retryAfter: 30_000 });
export const final = new Failure('mqtt_identifier_rejected', 'CONNACK 2', { retry: 'never' });
export const notAuthorized = new Failure('mqtt_not_authorized', 'CONNACK 5', { retry: 'later' });

/** A session that lives until `lose` is called or it is ended. */
export function fakeSession(): Session & { lose(): void; ended: boolean } {
  let lose = () => {};
  const closed = new Promise<void>((resolve) => {
    lose = resolve;
  });
  const session = {
    publish: async () => {},
    subscribe: async () => {},
    onMessage: () => {},
    isResumed: false,
    closed,
    lose,
    ended: false,
    drop: lose,
    tls: { resumed: false, ticket: () => undefined },
    async end() {
      session.ended = true;
      lose();
    },
  };
  return session;
}

/** A device for which all goes well and that stops once it is online, save for what `changes` says. */
export function device(changes: Partial<DeviceOptions> = {}): DeviceOptions {
  return {
    storage: memoryStorage(),
    requestedId: parseDeviceId('press-7'),
    keyType: 'ec-p256',
    enroll: authority.enroll,
    renewal: {
      key: 'new',
      renew: (_identity, csr) => authority.enroll(csr),
      observe: (event) => renewals.push(event),
    },
    connect: async () => fakeSession(),
    occupation: async () => stop.abort(),
    backoff: { base: 1_000, cap: 60_000, random: () => 1 },
    patience: { ...patientBackoff, random: () => 1 },
    clock: { now: Date.now },
    sleep: async (ms, signal) => {
      if (ms >= LONG_MS) return until(signal);
      waits.push(ms);
      // Lets a test that would go on for ever time out.
      await new Promise((resolve) => setImmediate(resolve));
    },
    maxFailures: Number.POSITIVE_INFINITY,
    observe: (state) => states.push(state),
    ...changes,
  };
}

/** Fails with each of `failures` in turn, then does `work`. */
export function failing<Arguments extends unknown[], Result>(
  failures: readonly Failure[],
  work: (...values: Arguments) => Promise<Result>,
): (...values: Arguments) => Promise<Result> {
  const remaining = [...failures];
  return async (...values) => {
    const failure = remaining.shift();
    if (failure !== undefined) throw failure;
    return work(...values);
  };
}

export const names = () => states.map(({ name }) => name);
