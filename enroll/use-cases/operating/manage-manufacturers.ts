/** Manufacturers, whose factory certificates enroll devices: registered by an admin, removed again. */
import type { FactoryAdmission, NamingRule } from '../../../core/enrollment/factory-rule.ts';
import { GatehouseError } from '../../../core/errors.ts';
import { type EntityName, quote } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import { type ForeignCa, parseForeignCa } from '../../../core/pki/foreign-certificate.ts';
import { isIssuedBy } from '../../../core/pki/issuer-search.ts';
import { parseManufacturerCas } from '../../../core/pki/manufacturer-cas.ts';
import { encodePem } from '../../../core/pki/pem.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { ManufacturerRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';
import { groupOrRefuse } from '../look-ups.ts';

/** The names of all of them go to every client in the TLS handshake: some 6 KB, where small ones have room for 16. */
const MAX_CAS = 100;

export interface ManufacturerTerms extends NamingRule {
  readonly group: EntityName | null;
  readonly admit: FactoryAdmission;
  /** PEM */
  readonly certificates: string;
}

/** Adds it, or puts it in the place of the one of its name. @throws GatehouseError `manufacturer_ca_invalid`, `pem_invalid`, `certificate_malformed`, `key_*`, `group_unknown` */
export async function putManufacturer(
  { registry, clock }: EnrollContext,
  actor: Actor,
  name: EntityName,
  terms: ManufacturerTerms,
): Promise<ManufacturerRecord> {
  const { all, anchors } = parseManufacturerCas(terms.certificates);
  const changedAt = clock.now();
  for (const { subject, notAfter } of all) {
    if (notAfter < changedAt) throw invalid(`${quote(subject)} has expired`);
  }
  // Only what was read: explanations between the blocks are not ours to hand on.
  const certificates = all.map(({ der }) => encodePem('CERTIFICATE', der)).join('');
  const { group, admit, idFrom, idPrefix } = terms;
  const record: ManufacturerRecord = { name, group, admit, idFrom, idPrefix, certificates, changedAt };
  return registry.write(actor, async (transaction) => {
    if (group !== null) await groupOrRefuse(transaction, group);
    await refuseOwnCas(transaction, all);
    await refuseOthersCas(transaction, name, { all, anchors });
    await transaction.putManufacturer(record);
    const fingerprints = anchors.map(({ fingerprint }) => fingerprint);
    await transaction.append({
      action: 'manufacturer.added',
      subject: name,
      data: { group, admit, idFrom, idPrefix, anchors: fingerprints },
    });
    return record;
  });
}

/** Its devices cannot enroll any more; those that have stay. @throws GatehouseError `manufacturer_unknown` */
export function removeManufacturer(
  { registry }: EnrollContext,
  actor: Actor,
  name: EntityName,
): Promise<void> {
  return registry.write(actor, async (transaction) => {
    await transaction.removeManufacturer(name);
    await transaction.append({ action: 'manufacturer.removed', subject: name, data: {} });
  });
}

/**
 * Gatehouse's own CAs, what they issued, and what bears their name: a look-alike would stand in the way when OpenSSL
 * looks for the issuer of a device's certificate.
 */
async function refuseOwnCas(registry: RegistryReader, cas: readonly ForeignCa[]): Promise<void> {
  for (const issuer of (await registry.issuers()).map(({ der }) => parseForeignCa(der))) {
    for (const ca of cas) {
      const own =
        ca.publicKey.keyFingerprint === issuer.publicKey.keyFingerprint ||
        ca.comparedName === issuer.comparedName ||
        isIssuedBy(ca.certificate, issuer.certificate);
      if (own) throw invalid(`${quote(ca.subject)} is a CA of this Gatehouse, or bears its name`);
    }
  }
}

/** One CA speaks for one manufacturer. Two of one name must differ in what issuers are looked for by besides. */
async function refuseOthersCas(
  registry: RegistryReader,
  name: EntityName,
  { all, anchors }: { readonly all: readonly ForeignCa[]; readonly anchors: readonly ForeignCa[] },
): Promise<void> {
  const others = (await registry.manufacturers()).filter((one) => one.name !== name);
  let count = all.length;
  for (const other of others) {
    const theirs = parseManufacturerCas(other.certificates);
    count += theirs.all.length;
    const keys = theirs.anchors.map(({ publicKey }) => publicKey.keyFingerprint);
    for (const { subject, publicKey } of anchors) {
      if (keys.includes(publicKey.keyFingerprint)) {
        throw invalid(`${quote(subject)} is registered for manufacturer ${other.name}`);
      }
    }
    for (const ca of all) {
      const rival = theirs.all.find((one) => isMistakable(one, ca));
      if (rival !== undefined) {
        throw invalid(`${quote(ca.subject)} cannot be told from a CA of manufacturer ${other.name}`);
      }
    }
  }
  if (count > MAX_CAS) throw invalid(`with these there would be ${count} CAs; ${MAX_CAS} are accepted`);
}

function isMistakable(one: ForeignCa, other: ForeignCa): boolean {
  const alike = one.comparedName === other.comparedName && one.keyIdentifier === other.keyIdentifier;
  return alike && one.fingerprint !== other.fingerprint;
}

function invalid(detail: string): GatehouseError {
  return new GatehouseError('manufacturer_ca_invalid', detail);
}
