/** Certificates by profiles that name their devices, and the names in them. */
import { X509Certificate } from 'node:crypto';
// Before toLegacyObject is called: that leaves node:tls without createSecureContext on Node 20 where it is loaded
// later, in this file and in all that the same worker runs after it.
import 'node:tls';
import { GatehouseError } from '../../core/errors.ts';
import type { IssuedCertificate } from '../../core/pki/issue.ts';
import { issueDeviceCertificate } from '../../core/pki/issue.ts';
import { parseProfile } from '../../core/pki/profile.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import type { TemplateSubject } from '../../core/template.ts';
import { createAuthority, deviceNamed, generateKeyPair, STATUS_URL } from './test-authority.ts';

const now = Date.UTC(2026, 4, 1);
export const { issuing } = await createAuthority({ now });
const publicKey = publicKeyOf(generateKeyPair('ec-p256').publicKey);

export function issue(
  fields: object,
  device: TemplateSubject = deviceNamed('press-7'),
  reservedHostnames: readonly string[] = [],
): Promise<IssuedCertificate> {
  const profile = parseProfile({ name: 'gateway', validity: '90d', ...fields });
  return issueDeviceCertificate({
    issuer: issuing,
    profile,
    device,
    publicKey,
    now,
    statusUrl: STATUS_URL,
    reservedHostnames,
  });
}
export async function subjectOf(fields: object, device?: TemplateSubject): Promise<unknown> {
  const { subject } = new X509Certificate((await issue(fields, device)).der).toLegacyObject();
  return { ...subject };
}
export async function alternativesOf(fields: object, device?: TemplateSubject): Promise<string[]> {
  return alternativesIn(new X509Certificate((await issue(fields, device)).der));
}
/** As node writes them: apart by commas, and in quotes where they hold something special themselves. */
export function alternativesIn({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.matchAll(/(URI|DNS):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g);
  return Array.from(names, ([, type, quoted, plain]) => `${type}:${quoted ? JSON.parse(quoted) : plain}`);
}
export const messageOf = async (attempt: Promise<unknown>) =>
  attempt.then(
    () => null,
    (error: unknown) => (error instanceof GatehouseError ? error.message : error),
  );
