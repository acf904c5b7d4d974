/** What a call of EST says: the label in its path and the request in its body. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GatehouseError } from '../../core/errors.ts';
import { isEntityName, quote } from '../../core/ids.ts';
import { type CertificationRequest, decodeCsr, parseCsr } from '../../core/pki/csr.ts';
import { oids } from '../../core/pki/oids.ts';
import type { GroupRecord } from '../../registry/records.ts';
import type { PeerCertificate } from '../../runtime/peer-certificate.ts';
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
 * RFC 7030 §4.2.2: subject and SAN "MUST be identical" to the certificate's, which is a CN and no SAN here.
 * @throws GatehouseError `subject_mismatch`
 */
export function refuseOtherNames({ subject, attributes }: CertificationRequest, peer: PeerCertificate): void {
  if (subject !== `CN=${peer.commonName}`) {
    throw new GatehouseError('subject_mismatch', `the request is for ${quote(subject)}`);
  }
  if (attributes.extensions.has(oids.subjectAltName)) {
    throw new GatehouseError(
      'subject_mismatch',
      'the request has a subjectAltName, the certificate has none',
    );
  }
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
