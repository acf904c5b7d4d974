/** Records to fill a registry with, and the transaction that every test's world begins with. */
import { createHash } from 'node:crypto';
import {
  type Fingerprint,
  parseDeviceId,
  parseEntityName,
  parseFingerprint,
  parseSerialNumber,
} from '../../core/ids.ts';
import type { JournalEvent } from '../../core/journal/events.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { RegistryTransaction } from '../../registry/port/transaction.ts';
import type {
  CertificateRecord,
  CrlRecord,
  DeviceRecord,
  IssuerRecord,
  OperatorRecord,
  TokenRecord,
} from '../../registry/records.ts';

export const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

export const deviceId = parseDeviceId;
export const name = parseEntityName;

export function fingerprint(of: string): Fingerprint {
  return parseFingerprint(createHash('sha256').update(of).digest('hex'));
}

export function serial(of: string) {
  return parseSerialNumber(fingerprint(of).slice(0, 32));
}

export function device(id: string, change: Partial<DeviceRecord> = {}): DeviceRecord {
  return {
    id: deviceId(id),
    group: name('default'),
    status: 'active',
    attributes: {},
    createdAt: NOW,
    changedAt: NOW,
    ...change,
  };
}

/** A certificate that is told apart by `label`, and has a key of that label. */
export function certificate(label: string, change: Partial<CertificateRecord> = {}): CertificateRecord {
  return {
    serialNumber: serial(label),
    fingerprint: fingerprint(`certificate ${label}`),
    keyFingerprint: fingerprint(`key ${label}`),
    device: null,
    issuer: issuer.fingerprint,
    status: 'active',
    notBefore: NOW,
    notAfter: NOW + 90 * DAY,
    issuedAt: NOW,
    revokedAt: null,
    reason: null,
    renews: null,
    firstUsedAt: null,
    statusSeq: null,
    der: Buffer.from(`der ${label}`),
    ...change,
  };
}

export const issuer: IssuerRecord = {
  fingerprint: fingerprint('issuer'),
  kind: 'issuing',
  status: 'active',
  serialNumber: serial('issuer'),
  subject: 'CN=Issuing',
  notBefore: NOW,
  notAfter: NOW + 3650 * DAY,
  retiredAt: null,
  der: Buffer.from('issuer'),
};

export const root: IssuerRecord = {
  ...issuer,
  fingerprint: fingerprint('root'),
  kind: 'root',
  serialNumber: serial('root'),
  subject: 'CN=Root',
};

export function token(id: string, change: Partial<TokenRecord> = {}): TokenRecord {
  return {
    id,
    secretHash: fingerprint(`secret of ${id}`),
    group: name('default'),
    device: null,
    maxUses: 1,
    uses: 0,
    createdAt: NOW,
    createdBy: 'operator:admin',
    expiresAt: NOW + DAY,
    revokedAt: null,
    ...change,
  };
}

export function operator(of: string, change: Partial<OperatorRecord> = {}): OperatorRecord {
  return {
    name: name(of),
    role: 'admin',
    tokenId: `token of ${of}`,
    secretHash: fingerprint(`secret of ${of}`),
    createdAt: NOW,
    ...change,
  };
}

export function crl(number: bigint, change: Partial<CrlRecord> = {}): CrlRecord {
  return {
    issuer: issuer.fingerprint,
    part: 'full',
    number,
    thisUpdate: NOW,
    nextUpdate: NOW + DAY,
    der: Buffer.from(`crl ${number}`),
    ...change,
  };
}

/** An event where it does not matter which. */
export function someEvent(note = 'a note'): JournalEvent {
  return { action: 'key.blocked', subject: fingerprint('some key'), data: { note } };
}

/** A write that appends an event of no interest, for tests of what else it does. */
export function change<T>(
  registry: Registry,
  work: (transaction: RegistryTransaction) => Promise<T>,
): Promise<T> {
  return registry.write('system', async (transaction) => {
    const result = await work(transaction);
    await transaction.append(someEvent());
    return result;
  });
}

/** Policy and profile `device`, group `default`, root and issuing CA: one journal row. */
export async function seed(registry: Registry): Promise<void> {
  await change(registry, async (transaction) => {
    await transaction.putPolicy({ name: name('device'), document: '{"name":"device"}', changedAt: NOW });
    await transaction.putProfile({ name: name('device'), document: '{"name":"device"}', changedAt: NOW });
    await transaction.putGroup({
      name: name('default'),
      description: '',
      profile: name('device'),
      policy: name('device'),
      renewalGrace: 0,
      approval: 'none',
    });
    await transaction.insertIssuer(root);
    await transaction.insertIssuer(issuer);
  });
}
