/**
 * A registry that has many devices already, without their having enrolled one by one: each gets the rows and the
 * journal entry that an enrollment leaves. IDs, serial numbers and fingerprints are random, and the certificates' DER
 * is random bytes of a usual length: no enrollment of another device looks into them, only their size and their places
 * in the indexes count.
 *
 * Random keys make the indexes of a large registry slow to fill, a page for each. So every transaction draws its keys
 * from a slice of their range of its own. In the end they lie as they would anyway: evenly, in pages two thirds full.
 */
import { randomBytes } from 'node:crypto';
import {
  type DeviceId,
  type Fingerprint,
  parseDeviceId,
  parseEntityName,
  parseFingerprint,
} from '../../core/ids.ts';

import { type RandomSource, randomSerialNumber } from '../../core/pki/serial-number.ts';
import { createToken } from '../../core/token.ts';

import type { Registry } from '../../registry/port/registry.ts';
import type { RegistryTransaction } from '../../registry/port/transaction.ts';
import type { CertificateRecord } from '../../registry/records.ts';
import { deviceIdFrom } from './device-id.ts';

/** What a device certificate of the default profile takes, give or take a few bytes. */
const CERTIFICATE_BYTES = 600;
const DEVICES_A_TRANSACTION = 5_000;
const LIFE_MS = 90 * 86_400_000;
const GROUP = parseEntityName('devices');

export interface SyntheticFleet {
  readonly registry: Registry;
  readonly devices: number;
  /** So many of them are revoked, evenly spread; none where absent. */
  readonly revoked?: number;
  readonly now: number;
  readonly signal: AbortSignal;
}

export async function registerSyntheticFleet(fleet: SyntheticFleet): Promise<void> {
  const { registry, devices, revoked = 0, now, signal } = fleet;
  const issuing = (await registry.issuers()).find(({ kind }) => kind === 'issuing');
  if (issuing === undefined) throw new Error('The registry has no issuing CA');
  const tokenId = await registerToken(fleet);
  const slices = Math.ceil(devices / DEVICES_A_TRANSACTION);
  for (let slice = 0; slice < slices; slice += 1) {
    signal.throwIfAborted();
    const count = Math.min(DEVICES_A_TRANSACTION, devices - slice * DEVICES_A_TRANSACTION);
    const octets: RandomSource = (size) => randomOctets(size, slice, slices);
    await registry.write(`token:${tokenId}`, async (transaction) => {
      for (let index = 0; index < count; index += 1) {
        const certificate = certificateOf(issuing.fingerprint, now, octets);
        await registerDevice(transaction, tokenId, certificate);
        const place = slice * DEVICES_A_TRANSACTION + index;
        if (isChosen(place, revoked, devices)) await revokeDevice(transaction, certificate);
      }
    });
  }
}

/** The one token that all of them came with, as the fleet of one production run does. */
async function registerToken({ registry, devices, now }: SyntheticFleet): Promise<string> {
  const { id, secretHash } = createToken('enrollment');
  const terms = { group: GROUP, device: null, maxUses: devices, expiresAt: now + LIFE_MS };
  await registry.write('system', async (transaction) => {
    await transaction.insertToken({
      ...terms,
      id,
      secretHash,
      uses: 0,
      createdAt: now,
      createdBy: 'system',
      revokedAt: null,
    });
    await transaction.append({ action: 'token.created', subject: id, data: terms });
  });
  return id;
}

type DeviceCertificate = CertificateRecord & { readonly device: DeviceId };

function certificateOf(issuer: Fingerprint, now: number, octets: RandomSource): DeviceCertificate {
  return {
    serialNumber: randomSerialNumber(octets),
    fingerprint: fingerprintFrom(octets),
    keyFingerprint: fingerprintFrom(octets),
    device: parseDeviceId(deviceIdFrom(octets)),
    issuer,
    status: 'active',
    notBefore: now,
    notAfter: now + LIFE_MS,
    issuedAt: now,
    revokedAt: null,
    reason: null,
    renews: null,
    firstUsedAt: null,
    statusSeq: null,
    der: randomBytes(CERTIFICATE_BYTES),
  };
}

function fingerprintFrom(octets: RandomSource): Fingerprint {
  return parseFingerprint(Buffer.from(octets(32)).toString('hex'));
}

/** Random, and in the `slice`-th of so many equal parts of what the octets can be. */
function randomOctets(size: number, slice: number, slices: number): Buffer {
  const octets = randomBytes(size);
  octets.writeUInt32BE(Math.floor(((slice + Math.random()) / slices) * 2 ** 32));
  return octets;
}

/** As use-cases/enrolling/enroll-device.ts of the enroll role records it. */
async function registerDevice(
  transaction: RegistryTransaction,
  tokenId: string,
  certificate: DeviceCertificate,
): Promise<void> {
  const { device: id, serialNumber, fingerprint, keyFingerprint, issuer, notAfter, issuedAt } = certificate;
  await transaction.insertDevice({
    id,
    group: GROUP,
    status: 'active',
    attributes: {},
    createdAt: issuedAt,
    changedAt: issuedAt,
  });
  await transaction.insertCertificate(certificate);
  await transaction.recordTokenUse(tokenId, keyFingerprint, serialNumber);
  await transaction.append({
    action: 'device.enrolled',
    subject: id,
    data: { serialNumber, fingerprint, issuer, notAfter, group: GROUP, token: tokenId, superseded: [] },
  });
}

/** Whether the device at this place is one of `chosen` among `all`, evenly spread. */
function isChosen(place: number, chosen: number, all: number): boolean {
  return Math.floor(((place + 1) * chosen) / all) > Math.floor((place * chosen) / all);
}

/** As use-cases/operating of the enroll role records it. */
async function revokeDevice(
  transaction: RegistryTransaction,
  { device: id, serialNumber, issuedAt }: DeviceCertificate,
): Promise<void> {
  const serialNumbers = [serialNumber];
  const reason = 'keyCompromise';
  await transaction.updateDevice(id, { status: 'revoked' });
  await transaction.setCertificateStatus(serialNumbers, 'revoked', issuedAt, reason);
  await transaction.append({ action: 'device.revoked', subject: id, data: { reason, serialNumbers } });
}
