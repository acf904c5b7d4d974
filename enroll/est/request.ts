/** What a call of EST says: the label in its path and the request in its body. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GatehouseError } from '../../core/errors.ts';
import { isEntityName, quote } from '../../core/ids.ts';
import { nameDifference, readCertifiedNames } from '../../core/pki/certified-names.ts';
import { type CertificationRequest, decodeCsr, parseCsr } from '../../core/pki/csr.ts';
import type { CertificateRecord, GroupRecord } from '../../registry/records.ts';
import type { EnrollContext } from '../context.ts';
import { checkChannelBinding } from './channel-binding.ts';

export const params = z.object({ label: z.string().optional() });
/** As the listener's parser of application/pkcs10 leaves it. */
export const body = z.strictObject({ csr: z.string() });

/**
 * @param text the body
 * @throws GatehouseError `csr_*`, `key_*`, `cn_invalid`, `channel_binding_mismatch`
 */
export function readRequest({ raw: { socket } }: FastifyRequest, text: string): CertificationRequest {
  const csr = parseCsr(decodeCsr(text));
  checkChannelBinding(csr, socket);
  return csr;
}

/**
 * RFC 7030 §4.2.2: subject and SAN "MUST be identical" to those of the certificate that is renewed. What the new one
 * bears is for the profile to say, as it is now.
 * @throws GatehouseError `subject_mismatch`, `csr_malformed`
 */
export function refuseOtherNames(request: CertificationRequest, { der }: CertificateRecord): void {
  const difference = nameDifference(request, readCertifiedNames(der));
  if (difference !== null) throw new GatehouseError('subject_mismatch', difference);
}

/** The group that the label names. @throws GatehouseError `group_unknown` where there is a label that names none */
export async function findGroup(
  { registry }: EnrollContext,
  label: string | undefined,
): Promise<GroupRecord | undefined> {
  if (label === undefined) return undefined;
  const group = isEntityName(label) ? await registry.group(label) : undefined;
  if (group === undefined) throw new GatehouseError('group_unknown', `there is no group ${quote(label)}`);
  return group;
}
