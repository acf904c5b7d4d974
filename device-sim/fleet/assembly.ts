/** How each member of a fleet is put together: the same device as any other, with the fleet's bounds around it. */
import { join } from 'node:path';
import type { EnrollClient } from '../contract/enroll-client.ts';
import { openSession } from '../contract/mqtt-session.ts';
import { type Backoff, defaultBackoff } from '../device/backoff.ts';
import type { DeviceOptions } from '../device/device.ts';
import { callRenewal } from '../device/renewal-call.ts';
import type { ServerTime } from '../device/server-time.ts';
import { sleep } from '../device/sleep.ts';
import { folderStorage, memoryStorage } from '../identity/identity-storage.ts';
import type { KeyType } from '../identity/private-key.ts';
import type { RenewalKey } from '../identity/renew-identity.ts';
import type { TrustAnchors } from '../identity/trust-anchors.ts';
import { createLimiter } from './limiter.ts';
import type { Member } from './member.ts';
import type { Phase } from './phase.ts';

/** What runs at a time: enough to keep a server busy, few enough not to flood it. */
export const ENROLLING_AT_ONCE = 16;
const RENEWING_AT_ONCE = 16;
const CONNECTING_AT_ONCE = 32;
/** A fleet is there to be measured: it gives up on what a device in the field would go on trying. */
const MAX_FAILURES = 8;
const fleetBackoff: Backoff = { ...defaultBackoff, cap: 10_000 };

export interface AssemblyOptions {
  readonly url: string;
  /** PEM text; asked for only where there are no trust anchors of an earlier run. */
  readonly ca: () => string;
  readonly token: string;
  /** Instead of the address that enrollment answered with. */
  readonly mqttUrl?: string;
  readonly keyType: KeyType;
  readonly renewKey: RenewalKey;
  /** Where identities are left, and found again. */
  readonly out?: string;
}

export interface FleetParts {
  /** The members trust together. */
  readonly trust: TrustAnchors;
  readonly client: EnrollClient;
  readonly enrollment: Phase;
  readonly clock: ServerTime;
}

export function createAssembly(
  { url, token, mqttUrl, keyType, renewKey, out }: AssemblyOptions,
  { client, trust, enrollment, clock }: FleetParts,
): (member: Member) => DeviceOptions {
  const enrolling = createLimiter(ENROLLING_AT_ONCE);
  const renewing = createLimiter(RENEWING_AT_ONCE);
  const connecting = createLimiter(CONNECTING_AT_ONCE);
  const onServerTime = (time: number) => clock.learn(time);
  return (member) => {
    return {
      storage: out === undefined ? memoryStorage() : folderStorage(join(out, member.id)),
      requestedId: member.id,
      keyType,
      enroll: (csr, signal) => enrolling(async () => (await client.enroll(token, csr, signal)).enrollment),
      renewal: {
        key: renewKey,
        renew: (identity, csr, signal) =>
          renewing(() => callRenewal({ url, trust, onServerTime }, { identity, csr, signal })),
        observe: (event) => member.observeRenewal(event),
      },
      connect: async (identity, signal) => {
        await enrollment.done;
        const target = { url: mqttUrl ?? identity.mqttUrl, clientId: identity.deviceId, signal };
        return connecting(() => openSession({ ...target, ...trust.tlsIdentityOf(identity) }));
      },
      occupation: member.occupation,
      backoff: fleetBackoff,
      patience: null,
      clock,
      sleep,
      maxFailures: MAX_FAILURES,
      observe: (state) => member.observe(state),
    };
  };
}
