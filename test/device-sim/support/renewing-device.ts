/** A device at a real Gatehouse whose clock a test sets: forward, and renewal is due. */
import type { Failure } from '../../../device-sim/contract/failure.ts';
import { openSession, type Session } from '../../../device-sim/contract/mqtt-session.ts';
import { type DeviceOptions, runDevice } from '../../../device-sim/device/device.ts';
import type { DeviceState } from '../../../device-sim/device/device-state.ts';
import { callRenewal } from '../../../device-sim/device/renewal-call.ts';
import type { RenewalEvent } from '../../../device-sim/device/renewer.ts';
import { createSensor, offlineWill, type SensorEvent } from '../../../device-sim/device/sensor.ts';
import { type Sleep, sleep } from '../../../device-sim/device/sleep.ts';
import type { IdentityStorage } from '../../../device-sim/identity/identity-storage.ts';
import type { RenewalKey } from '../../../device-sim/identity/renew-identity.ts';
import { TrustAnchors } from '../../../device-sim/identity/trust-anchors.ts';
import type { World } from './world.ts';

/** Of the 90 days that a certificate is valid: due, and not expired. */
export const DUE_MS = 80 * 86_400_000;

/** Time that a test sets forward and back; whoever sleeps is woken by that. */
export class TestClock {
  #ahead = 0;
  #wake = new AbortController();

  readonly now = () => Date.now() + this.#ahead;

  set(ahead: number): void {
    this.#ahead = ahead;
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  readonly sleep: Sleep = (ms, signal) => {
    const { signal: woken } = this.#wake;
    return sleep(ms, signal ? AbortSignal.any([signal, woken]) : woken);
  };
}

export interface RenewingDeviceOptions {
  readonly world: World;
  readonly storage: IdentityStorage;
  readonly renewalKey?: RenewalKey;
  readonly changes?: Partial<DeviceOptions>;
  /** Runs between the renewal's answer and whoever asked for it, and between CONNACK and whoever connected. */
  readonly step?: (name: string) => void;
}

export class RenewingDevice {
  readonly clock = new TestClock();
  readonly states: DeviceState[] = [];
  readonly renewals: RenewalEvent[] = [];
  readonly events: SensorEvent[] = [];
  readonly sessions: Session[] = [];
  readonly #options: RenewingDeviceOptions;
  readonly #stop = new AbortController();
  #life: Promise<Failure | undefined> = Promise.resolve(undefined);

  constructor(options: RenewingDeviceOptions) {
    this.#options = options;
  }

  /** Begins its life. @param ahead of its clock, in ms */
  async start(ahead = 0): Promise<this> {
    const { world, storage } = this.#options;
    this.clock.set(ahead);
    const trust = await TrustAnchors.open(storage, () => world.ca);
    this.#life = runDevice(this.#assemble(trust), this.#stop.signal);
    this.#life.catch(() => {});
    return this;
  }

  /** @returns why it is refused; rejects where it was cut off */
  get ended(): Promise<Failure | undefined> {
    return this.#life;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#life;
  }

  count(name: RenewalEvent['name']): number {
    return this.renewals.filter((event) => event.name === name).length;
  }

  get isOnline(): boolean {
    return this.states.at(-1)?.name === 'online';
  }

  #assemble(trust: TrustAnchors): DeviceOptions {
    const { world, storage, renewalKey = 'new', changes, step } = this.#options;
    const { clock } = this;
    const quick = { base: 20, cap: 50, random: () => 1 };
    return {
      storage,
      requestedId: undefined,
      keyType: 'ec-p256',
      enroll: () => Promise.reject(new Error('it is enrolled')),
      renewal: {
        key: renewalKey,
        renew: async (identity, csr, signal) => {
          step?.('before it asks');
          const call = { url: world.enrollUrl, trust, onServerTime: () => {} };
          const answer = await callRenewal(call, { identity, csr, signal });
          step?.('after the answer');
          return answer;
        },
        observe: (event) => {
          // One renewal each time that the clock is set.
          if (event.name === 'renewed') clock.set(0);
          this.renewals.push(event);
        },
      },
      connect: async (identity, signal) => {
        step?.('before it connects');
        const session = await openSession({
          url: world.mqttUrl,
          ...trust.tlsIdentityOf(identity),
          clientId: identity.deviceId,
          persistent: true,
          will: offlineWill(identity),
          signal,
        });
        this.sessions.push(session);
        step?.('after CONNACK');
        return session;
      },
      occupation: createSensor({
        interval: 3,
        clock: { now: Date.now },
        sleep: clock.sleep,
        observe: (event) => this.events.push(event),
      }),
      backoff: quick,
      patience: quick,
      clock,
      sleep: clock.sleep,
      maxFailures: Number.POSITIVE_INFINITY,
      observe: (state) => this.states.push(state),
      ...changes,
    };
  }
}
