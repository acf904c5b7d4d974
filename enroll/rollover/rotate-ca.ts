/**
 * `gatehouse ca rotate`: a new issuing CA beside the old one, and with it a new root if that is asked for.
 * docs/ARCHITECTURE.md, "How the CA is rolled over", has the same steps.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { GatehouseError } from '../../core/errors.ts';
import type { Actor } from '../../core/journal/events.ts';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import { issueCrossCertificate } from '../../core/pki/roll-over.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { CrlRecord, CrossCertificateRecord, IssuerRecord } from '../../registry/records.ts';
import { createIssuing, createRoot } from '../signer/create-ca.ts';
import { openIssuer } from '../signer/issuing-authority.ts';
import { follow, type RolloverContext } from './context.ts';
import { type NewCas, recordRotation } from './record-rotation.ts';
import { signRootCrl } from './root-crl.ts';

/** The broker hears of a commit within 20 ms, and reads the trust anchors in as many. */
const SETTLE_MS = 1_000;

export interface Rotation {
  readonly issuing: IssuerRecord;
  /** Null where the root stays. */
  readonly root: IssuerRecord | null;
}

/** @throws GatehouseError `ca_key_missing` where the key of the root is not there, and what the key store throws */
export async function rotateCa(
  context: RolloverContext,
  actor: Actor,
  { root: withRoot }: { readonly root: boolean },
): Promise<Rotation> {
  const { registry, keys, issuing, clock, statusUrl, log, settleTime = SETTLE_MS } = context;
  // Step 1: the key of the root, which may have been taken off the machine.
  const now = clock.now();
  const issuers = await registry.issuers();
  const before = await openIssuer(keys, activeRoot(issuers));

  // Step 2: the new CAs. Their keys are kept before anybody hears of them; a key without a record does no harm.
  const root = withRoot ? await createRoot({ keys, now, predecessor: before.certificate }) : null;
  const number = issuers.filter(({ kind }) => kind === 'issuing').length + 1;
  const next = await createIssuing({ keys, root: root ?? before, now, number, statusUrl });
  const cross = root === null ? [] : await crossCertify(before, root, context, now);

  // Step 3: the CRLs of the roots.
  const crls: CrlRecord[] = [];
  const until = next.certificate.notAfter;
  if (root === null) crls.push(await signRootCrl(registry, { root: before, now, until }));
  else {
    const lastCross = Math.max(...cross.map(({ notAfter }) => notAfter));
    crls.push(await signRootCrl(registry, { root: before, now, until: lastCross }));
    crls.push(await signRootCrl(registry, { root, now, until: Math.max(until, lastCross) }));
  }

  // Step 4: all of it recorded, in one durable transaction. Until it commits, nothing has happened.
  const added: NewCas = { root, issuing: next, cross, crls };
  await registry.write(actor, (transaction) => recordRotation(transaction, added, now));

  // Step 5: into use, once the broker trusts it too: a device may come with a certificate of it at once, and show it
  // without the CA's. Whoever checks the first certificate of it finds a CRL where that says there is one.
  await Promise.all([delay(settleTime), context.crls.begin(next)]);
  issuing.succeed(next);
  await follow(context);
  const rotation = await recordsOf(registry, added);
  log.warn(
    { issuing: rotation.issuing.subject, root: rotation.root?.fingerprint, actor },
    'new certificates come from a new issuing CA',
  );
  return rotation;
}

function activeRoot(issuers: readonly IssuerRecord[]): IssuerRecord {
  const root = issuers.find(({ kind, status }) => kind === 'root' && status === 'active');
  if (root === undefined) throw new GatehouseError('issuer_unknown', 'the registry holds no active root');
  return root;
}

/** OldWithNew and NewWithOld (RFC 4210 §4.4). */
function crossCertify(
  before: Issuer,
  after: Issuer,
  { statusUrl }: RolloverContext,
  now: number,
): Promise<CrossCertificateRecord[]> {
  const certify = async (kind: CrossCertificateRecord['kind'], issuer: Issuer, { certificate }: Issuer) => {
    const { der } = await issueCrossCertificate({ issuer, subject: certificate, now, statusUrl });
    const { fingerprint, serialNumber, notBefore, notAfter } = parseCaCertificate(der);
    const [subject, by] = [certificate.fingerprint, issuer.certificate.fingerprint];
    return { fingerprint, kind, subject, issuer: by, serialNumber, notBefore, notAfter, der };
  };
  return Promise.all([certify('oldWithNew', after, before), certify('newWithOld', before, after)]);
}

async function recordsOf(registry: RegistryReader, { root, issuing }: NewCas): Promise<Rotation> {
  const find = async ({ certificate: { fingerprint, subject } }: Issuer) => {
    const record = await registry.issuer(fingerprint);
    if (record === undefined) throw new Error(`${subject} was recorded, and is not there`);
    return record;
  };
  return { issuing: await find(issuing), root: root && (await find(root)) };
}
