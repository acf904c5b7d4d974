/**
 * Answers OCSP requests (RFC 6960) from the registry of this moment, signed by a delegated responder of the issuer whose
 * key lives in this process alone and whose certificate is short-lived and replaced by itself.
 */
import { createHash, generateKeyPairSync } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import type { Fingerprint } from '../../core/ids.ts';
import { type Issuer, issueOcspResponderCertificate } from '../../core/pki/issue.ts';
import {
  buildOcspRefusal,
  buildOcspResponse,
  type CertId,
  isAboutIssuer,
  type OcspAnswer,
  type OcspRequest,
  type OcspResponder as OcspSigner,
  type OcspStatus,
  parseOcspRequest,
} from '../../core/pki/ocsp.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { createKeySigner } from '../../core/pki/signer.ts';
import type { Registry } from '../../registry/port.ts';
import type { CertificateRecord } from '../../registry/records.ts';
import type { Logger } from '../../runtime/log.ts';
import { recordServerCertificate } from '../server-certificates.ts';
import type { IssuingAuthority } from '../signer/issuing-authority.ts';
import { JournalCache } from './journal-cache.ts';

/** How long an answer may be relied upon. */
const ANSWER_LIFETIME_MS = 3_600_000;
/** An answer without a nonce is signed once and handed out again meanwhile, unless something changes. */
const REUSE_MS = 300_000;
const REUSED_ANSWERS = 5_000;
const RESPONDER_VALIDITY_MS = 7 * 86_400_000;

export interface OcspAnswered {
  readonly der: Uint8Array;
  /** When the answer was true and until when it may be kept; null where it is for one asker alone, or a refusal. */
  readonly cacheable: { readonly thisUpdate: number; readonly nextUpdate: number } | null;
}

export interface OcspResponder {
  /** Answers whatever bytes come; a refusal is an answer too. */
  answer(request: Uint8Array): Promise<OcspAnswered>;
}

export interface OcspResponderContext {
  readonly registry: Registry;
  readonly issuing: IssuingAuthority;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createOcspResponder(context: OcspResponderContext): OcspResponder {
  const { registry, issuing, clock, log } = context;
  const signers = renewingSigners(context);
  const signed = new JournalCache<OcspAnswered>({
    registry,
    clock,
    maxEntries: REUSED_ANSWERS,
    maxAge: REUSE_MS,
  });

  async function respond({ certIds, nonce }: OcspRequest): Promise<OcspAnswered> {
    // A delegated responder speaks for the CA that certified it (RFC 6960 §4.2.2.2), so an answer is about the
    // certificates of one CA. For any other, and for a mixture, nobody here can speak (RFC 5019 §2.2.3).
    const issuer = issuing
      .all()
      .find(({ certificate }) => certIds.every((certId) => isAboutIssuer(certId, certificate)));
    if (issuer === undefined) return { der: buildOcspRefusal('unauthorized'), cacheable: null };
    const thisUpdate = clock.now();
    const nextUpdate = thisUpdate + ANSWER_LIFETIME_MS;
    const { fingerprint } = issuer.certificate;
    const answers = await Promise.all(certIds.map((certId) => answerTo(certId, fingerprint)));
    const responder = await signers(issuer, thisUpdate);
    const times = { producedAt: thisUpdate, thisUpdate, nextUpdate };
    const der = await buildOcspResponse({ responder, answers, nonce, ...times });
    return { der, cacheable: nonce === null ? { thisUpdate, nextUpdate } : null };
  }

  async function answerTo(certId: CertId, issuer: Fingerprint): Promise<OcspAnswer> {
    const certificate =
      certId.serialNumber === undefined ? undefined : await registry.certificateBySerial(certId.serialNumber);
    return { certId, status: statusOf(certificate, issuer) };
  }

  return {
    async answer(request) {
      try {
        const parsed = parseOcspRequest(request);
        if (parsed.nonce !== null) return await respond(parsed);
        const key = createHash('sha256').update(request).digest('base64');
        return await signed.get(key, () => respond(parsed));
      } catch (error) {
        const malformed = error instanceof GatehouseError && error.code === 'ocsp_request_malformed';
        if (!malformed) log.error({ err: error }, 'an OCSP request could not be answered');
        return { der: buildOcspRefusal(malformed ? 'malformedRequest' : 'internalError'), cacheable: null };
      }
    },
  };
}

function statusOf(certificate: CertificateRecord | undefined, issuer: Fingerprint): OcspStatus {
  if (certificate === undefined || certificate.issuer !== issuer) return { status: 'unknown' };
  if (certificate.status === 'active') return { status: 'good' };
  return {
    status: 'revoked',
    revokedAt: certificate.revokedAt ?? certificate.issuedAt,
    reason: certificate.reason ?? 'unspecified',
  };
}

/** Each issuer's responder: key and certificate, made at the first request and again when half of its life is over. */
function renewingSigners({ registry, clock }: OcspResponderContext) {
  const current = new Map<Fingerprint, { readonly signer: Promise<OcspSigner>; readonly renewAt: number }>();

  async function issue(issuer: Issuer, now: number): Promise<OcspSigner> {
    const { privateKey, publicKey: keyObject } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = publicKeyOf(keyObject);
    const commonName = 'Gatehouse OCSP';
    const validity = RESPONDER_VALIDITY_MS;
    const certificate = await issueOcspResponderCertificate({ issuer, commonName, publicKey, validity, now });
    await recordServerCertificate({ registry, issuer, clock }, 'ocsp', certificate);
    return { certificate: certificate.der, publicKey, signer: createKeySigner(privateKey) };
  }

  return (issuer: Issuer, now: number): Promise<OcspSigner> => {
    const { fingerprint } = issuer.certificate;
    const known = current.get(fingerprint);
    if (known !== undefined && now < known.renewAt) return known.signer;
    const signer = issue(issuer, now);
    const made = { signer, renewAt: now + RESPONDER_VALIDITY_MS / 2 };
    current.set(fingerprint, made);
    signer.catch(() => {
      // The next request tries again.
      if (current.get(fingerprint) === made) current.delete(fingerprint);
    });
    return signer;
  };
}
