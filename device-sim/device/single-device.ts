/** One device put together from its parts: the composition root of `gatehouse-sim run`. */
import type { DeviceId } from '../../core/ids.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Output } from '../../runtime/command-line/output.ts';
import { createEnrollClient } from '../contract/enroll-client.ts';
import { openSession } from '../contract/mqtt-session.ts';
import type { Identity } from '../identity/identity.ts';
import { folderStorage } from '../identity/identity-storage.ts';
import type { KeyType } from '../identity/private-key.ts';
import type { RenewalKey } from '../identity/renew-identity.ts';
import { TrustAnchors } from '../identity/trust-anchors.ts';
import { defaultBackoff, patientBackoff } from './backoff.ts';
import { type DeviceOptions, runDevice } from './device.ts';
import { narrateEvent, narrateRenewal, narrateState, narrateWrongClock } from './narration.ts';
import { callRenewal, followAnchors } from './renewal-call.ts';
import { createSensor, offlineWill } from './sensor.ts';
import { ServerTime } from './server-time.ts';
import { sleep } from './sleep.ts';

/** A device that runs for a year must hear of a new root in time, however seldom it renews. */
const ANCHORS_EVERY_MS = 24 * 60 * 60_000;

export interface SingleDeviceOptions {
  readonly url: string;
  /** PEM text; asked for only where the state folder has no trust anchors yet. */
  readonly ca: () => string;
  /** Needed until the device has its certificate. */
  readonly token?: string;
  /** Instead of the address that enrollment answered with. */
  readonly mqttUrl?: string;
  /** The state folder. */
  readonly state: string;
  readonly id?: DeviceId;
  readonly keyType: KeyType;
  readonly renewKey: RenewalKey;
  /** Milliseconds. */
  readonly interval: number;
}

/** Whether the device of this folder can do without a token. */
export async function holdsIdentity(folder: string): Promise<boolean> {
  return (await folderStorage(folder).read('cert.pem')) !== undefined;
}

/** Lives until `signal` aborts. @throws Failure where it is refused for good */
export async function runSingleDevice(
  options: SingleDeviceOptions,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const trust = await TrustAnchors.open(folderStorage(options.state), options.ca);
  const over = new AbortController();
  const alive = AbortSignal.any([signal, over.signal]);
  const end = () => over.abort();
  // Whichever fails for a reason that no device foresees (a full disk, say) ends the other.
  const [lived, followed] = await Promise.allSettled([
    runDevice(assemble(options, trust, output), alive).finally(end),
    followDaily(options.url, trust, alive).finally(end),
  ]);
  if (lived.status === 'rejected') throw lived.reason;
  if (followed.status === 'rejected') throw followed.reason;
  if (lived.value !== undefined) throw lived.value;
}

function assemble(options: SingleDeviceOptions, trust: TrustAnchors, output: Output): DeviceOptions {
  const { url, token = '', mqttUrl, state, id, keyType, renewKey, interval } = options;
  const clock = new ServerTime({
    clock: systemClock,
    onWrongClock: (behind) => narrateWrongClock(output, behind),
  });
  const onServerTime = (time: number) => clock.learn(time);
  return {
    storage: folderStorage(state),
    requestedId: id,
    keyType,
    async enroll(csr, aborted) {
      const client = createEnrollClient({ url, ca: trust.pem, onServerTime });
      try {
        return (await client.enroll(token, csr, aborted)).enrollment;
      } finally {
        await client.close();
      }
    },
    renewal: {
      key: renewKey,
      renew: (identity, csr, aborted) =>
        callRenewal({ url, trust, onServerTime }, { identity, csr, signal: aborted }),
      observe: (event) => narrateRenewal(output, event),
    },
    connect: (identity: Identity, aborted: AbortSignal) =>
      openSession({
        url: mqttUrl ?? identity.mqttUrl,
        ...trust.tlsIdentityOf(identity),
        clientId: identity.deviceId,
        persistent: true,
        will: offlineWill(identity),
        signal: aborted,
      }),
    occupation: createSensor({
      interval,
      clock: systemClock,
      sleep,
      observe: (event) => narrateEvent(output, event),
    }),
    backoff: defaultBackoff,
    patience: patientBackoff,
    clock,
    sleep,
    maxFailures: Number.POSITIVE_INFINITY,
    observe: (entered) => narrateState(output, entered),
  };
}

/** At once, and then every day. */
async function followDaily(url: string, trust: TrustAnchors, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const client = createEnrollClient({ url, ca: trust.pem });
    await followAnchors(client, trust, signal);
    await client.close();
    await sleep(ANCHORS_EVERY_MS, signal);
  }
}
