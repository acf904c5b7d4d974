/** One device put together from its parts: the composition root of `gatehouse-sim run`. */
import type { DeviceId } from '../../core/ids.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Output } from '../../runtime/command-line/output.ts';
import { createEnrollClient } from '../contract/enroll-client.ts';
import { openSession } from '../contract/mqtt-session.ts';
import { folderStorage } from '../identity/identity-storage.ts';
import type { KeyType } from '../identity/private-key.ts';
import { defaultBackoff, patientBackoff } from './backoff.ts';
import { runDevice } from './device.ts';
import { narrateEvent, narrateState } from './narration.ts';
import { createSensor, offlineWill } from './sensor.ts';
import { sleep } from './sleep.ts';

export interface SingleDeviceOptions {
  readonly url: string;
  /** PEM text. */
  readonly ca: string;
  /** Needed until the device has its certificate. */
  readonly token?: string;
  /** Instead of the address that enrollment answered with. */
  readonly mqttUrl?: string;
  /** The state folder. */
  readonly state: string;
  readonly id?: DeviceId;
  readonly keyType: KeyType;
  /** Milliseconds. */
  readonly interval: number;
}

/** Whether the device of this folder can do without a token. */
export async function holdsIdentity(folder: string): Promise<boolean> {
  return (await folderStorage(folder).read('cert.pem')) !== undefined;
}

/** Lives until `signal` aborts. @throws Failure where it is refused for good */
export async function runSingleDevice(
  { url, ca, token = '', mqttUrl, state, id, keyType, interval }: SingleDeviceOptions,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const client = createEnrollClient({ url, ca });
  try {
    const refusal = await runDevice(
      {
        storage: folderStorage(state),
        requestedId: id,
        keyType,
        enroll: async (csr, aborted) => (await client.enroll(token, csr, aborted)).enrollment,
        connect: (identity, aborted) =>
          openSession({
            url: mqttUrl ?? identity.mqttUrl,
            ca,
            credentials: identity,
            clientId: identity.deviceId,
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
        clock: systemClock,
        sleep,
        maxFailures: Number.POSITIVE_INFINITY,
        observe: (entered) => narrateState(output, entered),
      },
      signal,
    );
    if (refusal !== undefined) throw refusal;
  } finally {
    await client.close();
  }
}
