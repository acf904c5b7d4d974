/** What enroll does to a registry, as far as the broker's tests need it: devices, groups, policies. */
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import { defaultPolicies, type PolicyDocument } from '../../core/policy/policy.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { RegistryTransaction } from '../../registry/port/transaction.ts';
import type { CertificateRecord, IssuerRecord } from '../../registry/records.ts';
import { type Identity, type IssueOptions, issueDevice } from './authority.ts';

export interface DeviceOptions extends IssueOptions {
  readonly group?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  /** What the registry holds differently from the certificate. */
  readonly record?: Partial<CertificateRecord>;
}

export interface WorldParts {
  readonly registry: Registry;
  readonly root: Issuer;
  readonly issuing: Issuer;
}

/** A registry and the CA behind it. Each change resolves when it is committed. */
export class World {
  readonly registry: Registry;
  readonly root: Issuer;
  readonly issuing: Issuer;

  constructor({ registry, root, issuing }: WorldParts) {
    this.registry = registry;
    this.root = root;
    this.issuing = issuing;
  }

  /** Groups: `default` with policy `device`, `services` with `telemetry-reader`. */
  async fillRegistry(): Promise<void> {
    const now = Date.now();
    await this.registry.write('system', async (transaction) => {
      for (const policy of defaultPolicies) {
        const document = JSON.stringify(policy);
        await transaction.putPolicy({ name: parseEntityName(policy.name), document, changedAt: now });
      }
      const profile = parseEntityName('device');
      await transaction.putProfile({ name: profile, document: '{"name":"device"}', changedAt: now });
      await putGroup(transaction, 'default', 'device');
      await putGroup(transaction, 'services', 'telemetry-reader');
      await insertIssuer(transaction, this.root, 'root');
      await insertIssuer(transaction, this.issuing, 'issuing');
    });
  }

  // The devices

  /** A device in good standing, unless `options.record` says otherwise. */
  async enroll(id: string, options: DeviceOptions = {}): Promise<Identity> {
    const identity = await issueDevice(this.issuing, id, options);
    await this.record(identity, options);
    return identity;
  }

  /** Adds a certificate, and its device where that is new, without superseding any. */
  async record(
    { id, der, serialNumber, fingerprint, keyFingerprint, notBefore, notAfter }: Identity,
    { group = 'default', attributes = {}, record = {} }: DeviceOptions = {},
  ): Promise<void> {
    const device = parseDeviceId(id);
    const now = Date.now();
    const issuer = this.issuing.certificate.fingerprint;
    await this.registry.write('system', async (transaction) => {
      if ((await transaction.device(device)) === undefined) {
        await transaction.insertDevice({
          id: device,
          group: parseEntityName(group),
          status: 'active',
          attributes,
          createdAt: now,
          changedAt: now,
        });
      }
      await transaction.insertCertificate({
        serialNumber,
        fingerprint,
        keyFingerprint,
        device,
        issuer,
        status: 'active',
        notBefore,
        notAfter,
        issuedAt: now,
        revokedAt: null,
        reason: null,
        renews: null,
        firstUsedAt: null,
        statusSeq: null,
        der,
        ...record,
      });
      await transaction.append({
        action: 'device.enrolled',
        subject: device,
        data: {
          ...{ serialNumber, fingerprint, issuer, notAfter, group: parseEntityName(group) },
          token: 'test',
          superseded: [],
        },
      });
    });
  }

  /** Resolves when it is committed. */
  async revoke(id: string): Promise<void> {
    const device = parseDeviceId(id);
    await this.registry.write('system', async (transaction) => {
      const serialNumbers = await serialNumbersOf(transaction, id);
      await transaction.updateDevice(device, { status: 'revoked' });
      await transaction.setCertificateStatus(serialNumbers, 'revoked', Date.now(), 'keyCompromise');
      const data = { reason: 'keyCompromise', serialNumbers } as const;
      await transaction.append({ action: 'device.revoked', subject: device, data });
    });
  }

  /** The journal's word alone, to see what it leads to: the registry goes on holding the device active. */
  async announceRevocation(id: string): Promise<void> {
    await this.registry.write('system', (transaction) =>
      transaction.append({
        action: 'device.revoked',
        subject: parseDeviceId(id),
        data: { reason: 'unspecified', serialNumbers: [] },
      }),
    );
  }

  /** It may enroll anew; what it had stays revoked. */
  async reinstate(id: string): Promise<void> {
    const subject = parseDeviceId(id);
    await this.registry.write('system', async (transaction) => {
      await transaction.reinstateDevice(subject);
      await transaction.append({ action: 'device.reinstated', subject, data: { released: false } });
    });
  }

  async suspend(id: string): Promise<void> {
    const device = parseDeviceId(id);
    await this.registry.write('system', async (transaction) => {
      const serialNumbers = await serialNumbersOf(transaction, id);
      await transaction.updateDevice(device, { status: 'suspended' });
      await transaction.setCertificateStatus(serialNumbers, 'suspended', Date.now(), 'certificateHold');
      await transaction.append({ action: 'device.suspended', subject: device, data: { serialNumbers } });
    });
  }

  async resume(id: string): Promise<void> {
    const device = parseDeviceId(id);
    await this.registry.write('system', async (transaction) => {
      const serialNumbers = await serialNumbersOf(transaction, id);
      await transaction.updateDevice(device, { status: 'active' });
      await transaction.setCertificateStatus(serialNumbers, 'active', Date.now());
      await transaction.append({ action: 'device.resumed', subject: device, data: { serialNumbers } });
    });
  }

  /** Enrolls the device again: its other certificates are superseded. */
  async supersede(id: string): Promise<Identity> {
    const identity = await issueDevice(this.issuing, id);
    const { der, serialNumber, fingerprint, keyFingerprint, notBefore, notAfter } = identity;
    const device = parseDeviceId(id);
    const issuer = this.issuing.certificate.fingerprint;
    await this.registry.write('system', async (transaction) => {
      const superseded = await serialNumbersOf(transaction, id);
      await transaction.setCertificateStatus(superseded, 'superseded', Date.now());
      await transaction.insertCertificate({
        ...{ der, serialNumber, fingerprint, keyFingerprint, notBefore, notAfter, device, issuer },
        status: 'active',
        issuedAt: Date.now(),
        revokedAt: null,
        reason: null,
        renews: null,
        firstUsedAt: null,
        statusSeq: null,
      });
      const group = parseEntityName('default');
      await transaction.append({
        action: 'device.enrolled',
        subject: device,
        data: { serialNumber, fingerprint, issuer, notAfter, group, token: 'test', superseded },
      });
    });
    return identity;
  }

  async changeDevice(
    id: string,
    change: { readonly group?: string; readonly attributes?: Readonly<Record<string, string>> },
  ): Promise<void> {
    const device = parseDeviceId(id);
    await this.registry.write('system', async (transaction) => {
      const before = await transaction.device(device);
      if (before === undefined) throw new Error(`there is no ${id}`);
      const group = parseEntityName(change.group ?? before.group);
      const attributes = change.attributes ?? before.attributes;
      await transaction.updateDevice(device, { group, attributes });
      await transaction.append({ action: 'device.changed', subject: device, data: { group, attributes } });
    });
  }

  /** As an import does it to many. */
  async changeDevices(ids: readonly string[], attributes: Readonly<Record<string, string>>): Promise<void> {
    const devices = ids.map((id) => ({ id: parseDeviceId(id), attributes }));
    await this.registry.write('system', async (transaction) => {
      for (const { id } of devices) await transaction.updateDevice(id, { attributes });
      await transaction.append({
        action: 'devices.changed',
        subject: parseEntityName('default'),
        data: { count: devices.length, devices },
      });
    });
  }

  // Groups and policies

  async applyPolicy(policy: PolicyDocument): Promise<void> {
    const name = parseEntityName(policy.name);
    const document = JSON.stringify(policy);
    await this.registry.write('system', async (transaction) => {
      await transaction.putPolicy({ name, document, changedAt: Date.now() });
      await transaction.append({ action: 'policy.applied', subject: name, data: { document } });
    });
  }

  async applyGroup(group: string, policy: string): Promise<void> {
    await this.registry.write('system', (transaction) => putGroup(transaction, group, policy));
  }

  /** A group with a policy of its own, both named `name`. */
  async applyPolicyGroup(name: string, policy: Omit<PolicyDocument, 'name'>): Promise<void> {
    await this.applyPolicy({ ...policy, name });
    await this.applyGroup(name, name);
  }
}

export async function insertIssuer(
  transaction: RegistryTransaction,
  { certificate }: Issuer,
  kind: IssuerRecord['kind'],
  status: IssuerRecord['status'] = 'active',
): Promise<void> {
  const { fingerprint, serialNumber, subject, notBefore, notAfter, der } = certificate;
  await transaction.insertIssuer({
    ...{ fingerprint, kind, status, serialNumber, subject, notBefore, notAfter, der },
  });
  await transaction.append({ action: 'issuer.added', subject: fingerprint, data: { subject, serialNumber } });
}

async function putGroup(transaction: RegistryTransaction, group: string, policy: string): Promise<void> {
  const name = parseEntityName(group);
  const data = {
    profile: parseEntityName('device'),
    policy: parseEntityName(policy),
    renewalGrace: 0,
    approval: 'none',
  } as const;
  await transaction.putGroup({ name, description: '', ...data });
  await transaction.append({ action: 'group.applied', subject: name, data });
}

async function serialNumbersOf(transaction: RegistryTransaction, id: string) {
  const certificates = await transaction.certificatesOf(parseDeviceId(id));
  return certificates.map(({ serialNumber }) => serialNumber);
}
