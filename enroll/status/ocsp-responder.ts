/**
 * Answers OCSP requests (RFC 6960) from the registry of this moment. An answer without nonce is kept and handed out again,
 * but never before the registry was asked whether it still says the same: so no answer is out of date, and nothing has
 * to be told of a revocation. What is saved is the signature.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import type { Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { CaCertificate } from '../../core/pki/certificate.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import {
  buildOcspRefusal,
  buildOcspResponse,
  type CertId,
  type IssuerHashes,
  isAboutIssuer,
  issuerHashes,
  type OcspAnswer,
  type OcspRefusal,
  type OcspRequest,
  type OcspStatus,
  parseOcspRequest,
} from '../../core/pki/ocsp.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { Logger } from '../../runtime/log.ts';
import type { IssuingAuthority } from '../signer/issuing-authority.ts';
import { AnswerCache } from './answer-cache.ts';
import { certificateStatus, isSameStatus } from './certificate-status.ts';
import type { DelegatedResponders } from './delegated-responders.ts';
import type { OcspMetrics, OcspSource } from './ocsp-metrics.ts';

/** How long an answer may be relied upon: by then, whoever keeps answers has learned of a revocation. */
const LIFETIME_MS = 3_600_000;
/** How long it is handed out again, so that nobody is given one that ends soon. */
const REUSE_MS = 300_000;
const KEPT = { maxEntries: 20_000, maxBytes: 32 * 1024 * 1024 };
/** One certificate is asked about in some 80 to 110 bytes. What is much longer says things that no answer depends on. */
const MAX_KEPT_REQUEST = 256;

export interface OcspAnswered {
  readonly der: Buffer;
  /** Null where it is for one asker alone, or a refusal. */
  readonly shared: SharedAnswer | null;
}

/** An answer that is good for everybody who asks the same. */
export interface SharedAnswer {
  /** From and until when, in ms: whole seconds. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** SHA-1 in hex, as RFC 5019 §6.2 recommends: a name for these bytes, and no proof of anything. */
  readonly etag: string;
}

export interface OcspResponder {
  /** Answers whatever bytes come; a refusal is an answer too. */
  answer(request: Buffer): Promise<OcspAnswered>;
}

export interface OcspResponderContext {
  readonly registry: Pick<RegistryReader, 'statusRecord'>;
  readonly issuing: Pick<IssuingAuthority, 'all' | 'of'>;
  readonly responders: Pick<DelegatedResponders, 'of'>;
  readonly clock: Clock;
  readonly metrics: OcspMetrics;
  readonly log: Logger;
}

interface Outcome {
  readonly answered: OcspAnswered;
  /** For the counters. */
  readonly says: readonly (OcspStatus['status'] | OcspRefusal)[];
  readonly source: OcspSource;
}

/** With what has to be so still, for it to be handed out again. */
interface KeptAnswer extends Outcome {
  readonly der: Buffer;
  readonly shared: SharedAnswer;
  readonly issuer: Fingerprint;
  readonly serialNumber: SerialNumber | undefined;
  readonly status: OcspStatus;
}

export function createOcspResponder(context: OcspResponderContext): OcspResponder {
  const { registry, issuing, responders, clock, metrics, log } = context;
  const answers = new AnswerCache<KeptAnswer>(KEPT);
  const hashes = new WeakMap<CaCertificate, IssuerHashes>();

  async function outcomeOf(request: Buffer): Promise<Outcome> {
    // By the request as it came: what is the same byte by byte asks the same, and need not be parsed again.
    const key = request.length <= MAX_KEPT_REQUEST ? request.toString('latin1') : null;
    try {
      const kept = key === null ? undefined : answers.get(key);
      if (kept !== undefined && (await isStillTrue(kept))) return kept;
      return await respond(parseOcspRequest(request), key);
    } catch (error) {
      const malformed = error instanceof GatehouseError && error.code === 'ocsp_request_malformed';
      if (!malformed) log.error({ err: error }, 'an OCSP request could not be answered');
      return refuse(malformed ? 'malformedRequest' : 'internalError');
    }
  }

  async function isStillTrue({ shared, issuer, serialNumber, status }: KeptAnswer): Promise<boolean> {
    const now = clock.now();
    // A clock that was put back makes answers of the future, which nobody accepts.
    const young = shared.thisUpdate <= now && now < Math.min(shared.thisUpdate + REUSE_MS, shared.nextUpdate);
    if (!young || issuing.of(issuer) === undefined) return false;
    return isSameStatus(status, await certificateStatus(registry, serialNumber, issuer));
  }

  async function respond({ certIds, nonce }: OcspRequest, key: string | null): Promise<Outcome> {
    const issuer = issuerOf(certIds);
    if (issuer === undefined || clock.now() >= issuer.certificate.notAfter) return refuse('unauthorized');
    const responder = await responders.of(issuer);
    if (responder === null) return refuse('tryLater');

    const { fingerprint } = issuer.certificate;
    const thisUpdate = Math.floor(clock.now() / 1_000) * 1_000;
    const nextUpdate = Math.min(thisUpdate + LIFETIME_MS, responder.notAfter);
    const said = await Promise.all(certIds.map((certId) => answerTo(certId, fingerprint)));
    const times = { producedAt: thisUpdate, thisUpdate, nextUpdate };
    const der = ownBytes(await buildOcspResponse({ responder, answers: said, nonce, ...times }));
    const shared = nonce === null ? { thisUpdate, nextUpdate, etag: hash('sha1', der) } : null;
    const outcome = {
      answered: { der, shared },
      says: said.map(({ status }) => status.status),
      source: 'signed',
    } as const;

    const [only, another] = said;
    if (key !== null && shared !== null && only !== undefined && another === undefined) {
      const { certId, status } = only;
      const terms = { issuer: fingerprint, serialNumber: certId.serialNumber, status };
      answers.put(key, { ...outcome, source: 'kept', der, shared, ...terms });
    }
    return outcome;
  }

  /**
   * A delegated responder speaks for the CA that certified it (RFC 6960 §4.2.2.2), so an answer is about certificates of
   * one CA. For any other, and for a mixture, nobody here can speak (RFC 5019 §2.2.3); nor for a root, whose key is away,
   * or for a CA that was retired: their CRLs do.
   */
  function issuerOf(certIds: readonly CertId[]): Issuer | undefined {
    return issuing.all().find(({ certificate }) => {
      const known = hashes.get(certificate) ?? issuerHashes(certificate);
      hashes.set(certificate, known);
      return certIds.every((certId) => isAboutIssuer(certId, known));
    });
  }

  async function answerTo(certId: CertId, issuer: Fingerprint): Promise<OcspAnswer> {
    return { certId, status: await certificateStatus(registry, certId.serialNumber, issuer) };
  }

  return {
    async answer(request) {
      const began = performance.now();
      const { answered, says, source } = await outcomeOf(request);
      metrics.answered(says, source, (performance.now() - began) / 1_000);
      return answered;
    },
  };
}

function refuse(refusal: OcspRefusal): Outcome {
  const der = Buffer.from(buildOcspRefusal(refusal));
  return { answered: { der, shared: null }, says: [refusal], source: 'refused' };
}

/** A copy in memory of its own: small buffers share theirs, and one that is kept would keep that of many others. */
function ownBytes(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}
