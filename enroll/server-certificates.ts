/**
 * The certificates of Gatehouse's own listeners: issued by its CA, recorded like any other, renewed when a third of
 * their life is left, the hostnames change, or the issuers. Files are replaced at one stroke; listeners reload them.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { type IssuedCertificate, type Issuer, issueServerCertificate } from '../core/pki/issue.ts';
import { publicKeyOf } from '../core/pki/public-key.ts';
import type { Registry } from '../registry/port/registry.ts';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import type { DataLayout } from '../runtime/layout.ts';
import type { Logger } from '../runtime/log.ts';
import { ownNames } from './own-certificates.ts';
import type { IssuingAuthority } from './signer/issuing-authority.ts';
import { chainOf } from './signer/lineage.ts';
import { certificateRecord, insertIssued } from './use-cases/issuing/certificate-record.ts';

const VALIDITY = 90 * 86_400_000;
const RENEWAL_LEFT = 1 / 3;
const CHECK_MS = 3_600_000;

export interface ServerCertificates {
  readonly registry: Registry;
  readonly issuer: Issuer;
  readonly clock: Clock;
  readonly hostnames: readonly string[];
  /** Absent where the status listener's address is not known yet, at init. */
  readonly statusUrl?: string;
}

export interface ServerCertificateKeeper {
  /** Makes sure of both listeners' certificates. */
  ensure(): Promise<void>;
  close(): void;
}

/** Makes sure of them now and from time to time, with whichever issuer is the active one then. */
export async function keepServerCertificates(
  { issuing, ...context }: Omit<ServerCertificates, 'issuer'> & { readonly issuing: IssuingAuthority },
  layout: DataLayout,
  log: Logger,
): Promise<ServerCertificateKeeper> {
  let last: Promise<void> = Promise.resolve();
  const ensure = () => {
    const next = () => ensureServerCertificates({ ...context, issuer: issuing.current() }, layout, log);
    last = last.then(next, next);
    return last;
  };
  await ensure();
  const timer = setInterval(() => {
    ensure().catch((error: unknown) => {
      log.error({ err: error }, 'server certificates could not be renewed; the last ones are served');
    });
  }, CHECK_MS);
  return { ensure, close: () => clearInterval(timer) };
}

export async function ensureServerCertificates(
  context: ServerCertificates,
  layout: DataLayout,
  log: Logger,
): Promise<void> {
  for (const role of ['enroll', 'broker'] as const) {
    const replaced = await ensureServerCertificate(context, role, layout.tls[role]);
    if (replaced) log.info({ listener: role }, 'server certificate issued');
  }
}

/** Makes sure that `file` holds a usable key and certificate. Resolves true if it had to be replaced. */
export async function ensureServerCertificate(
  context: ServerCertificates,
  role: 'enroll' | 'broker',
  file: string,
): Promise<boolean> {
  const chain = await chainOf(context.registry, context.issuer.certificate.fingerprint);
  if (await stillGood(context, file, chain)) return false;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { issuer, clock, hostnames, statusUrl } = context;
  const certificate = await issueServerCertificate({
    issuer,
    commonName: ownNames[role],
    hostnames,
    publicKey: publicKeyOf(publicKey),
    validity: VALIDITY,
    now: clock.now(),
    ...(statusUrl === undefined ? {} : { statusUrl }),
  });
  await recordServerCertificate(context, role, certificate);
  // Whoever may read the folder may read the file: the broker's can belong to a group that it shares with enroll.
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const mode = 0o600 | ((await stat(folder)).mode & 0o040);
  await writeFileAtomic(file, bundle(privateKey, certificate, chain), mode);
  return true;
}

/** Nothing that the CA signed is used before the registry knows it, our own certificates included. */
export function recordServerCertificate(
  { registry, issuer, clock }: Pick<ServerCertificates, 'registry' | 'issuer' | 'clock'>,
  name: string,
  certificate: IssuedCertificate,
): Promise<void> {
  const { serialNumber, fingerprint, notAfter } = certificate;
  const issuedBy = issuer.certificate.fingerprint;
  const record = certificateRecord({
    certificate,
    device: null,
    issuer: issuedBy,
    issuedAt: clock.now(),
    renews: null,
  });
  return registry.write('system', async (transaction) => {
    await insertIssued(transaction, record);
    await transaction.append({
      action: 'server.issued',
      subject: name,
      data: { serialNumber, fingerprint, issuer: issuedBy, notAfter },
    });
  });
}

async function stillGood(
  { clock, hostnames, issuer }: ServerCertificates,
  file: string,
  chain: string,
): Promise<boolean> {
  let certificate: X509Certificate;
  try {
    const pem = await readFile(file, 'utf8');
    certificate = new X509Certificate(pem);
    if (!certificate.checkPrivateKey(createPrivateKey(pem))) return false;
    if (!pem.endsWith(`${certificate.toString()}${chain}`)) return false;
  } catch {
    // Absent, or not what we wrote: either way a new one takes its place.
    return false;
  }
  const notBefore = Date.parse(certificate.validFrom);
  const notAfter = Date.parse(certificate.validTo);
  const inTime = notAfter - clock.now() > (notAfter - notBefore) * RENEWAL_LEFT;
  const names = hostnames.every((name) =>
    isAddress(name) ? certificate.checkIP(name) !== undefined : certificate.checkHost(name) !== undefined,
  );
  return inTime && names && certificate.checkIssued(new X509Certificate(issuer.certificate.der));
}

function isAddress(name: string): boolean {
  return name.includes(':') || /^[0-9.]+$/.test(name);
}

function bundle(key: KeyObject, certificate: IssuedCertificate, chain: string): string {
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' });
  return `${keyPem}${certificate.pem}${chain}`;
}
