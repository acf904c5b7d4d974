/**
 * Enrollment, from a token or a factory certificate and a CSR to a certificate, exactly once: docs/ARCHITECTURE.md,
 * "How a device enrolls", has the same steps.
 */
import { retryAfter } from '../../../core/enrollment/approval.ts';
import { GatehouseError } from '../../../core/errors.ts';
import type { DeviceId, EntityName } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { CertificationRequest } from '../../../core/pki/csr.ts';
import { issueDeviceCertificate } from '../../../core/pki/issue.ts';
import type { PublicKey } from '../../../core/pki/public-key.ts';
import { parseToken, secretMatches } from '../../../core/token.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { CertificateRecord, RequestRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';
import { certificateRecord } from '../issuing/certificate-record.ts';
import { refuseChangedTerms } from '../issuing/certificate-terms.ts';
import {
  type AdmittedRequest,
  type AskedEnrollment,
  type Awaiting,
  admitRequest,
  type Credential,
  type Entitled,
  type Repeated,
} from './admit-request.ts';
import { fileRequest } from './file-request.ts';
import { type FactoryPeer, verifyFactoryPeer } from './identify-factory.ts';
import { recordEnrollment } from './record-enrollment.ts';

export interface Enrollment {
  readonly deviceId: DeviceId;
  readonly certificate: CertificateRecord;
  /** False where the same credential and key had this certificate already. */
  readonly created: boolean;
}

export type EnrollmentOutcome =
  | { readonly kind: 'enrolled'; readonly enrollment: Enrollment }
  /** An operator has not decided yet; the device is to ask again in `retryAfter` seconds. */
  | { readonly kind: 'awaiting'; readonly request: RequestRecord; readonly retryAfter: number };

export interface EnrollmentTerms {
  /** What the device presented, whole; undefined where it presented none. It goes before a factory certificate. */
  readonly token: string | undefined;
  /** What it showed in the handshake; undefined where that was nothing, or does not count here. */
  readonly peer?: FactoryPeer | undefined;
  /** Reads and judges what was sent. Called once the token is known. */
  readonly request: () => CertificationRequest;
  /** The group that the device named. */
  readonly group?: EntityName | undefined;
  /** Where the device is, for the operators. */
  readonly address: string;
  /** Makes the key to certify in place of the request's, of the same kind. Called once the enrollment is granted. */
  readonly makeKey?: (like: PublicKey) => Promise<PublicKey>;
}

/** @throws GatehouseError `token_*`, `factory_*`, `csr_*`, `key_*`, `cn_*`, `device_*`, `request*`, `server_keygen_disabled`, `attribute_missing`, `certificate_name_invalid`, `terms_changed` */
export async function enrollDevice(
  context: EnrollContext,
  { token, peer, request, group, address, makeKey }: EnrollmentTerms,
): Promise<EnrollmentOutcome> {
  const { registry, clock } = context;
  // Step 1: who asks. Nothing is parsed for somebody without a token, or a certificate that TLS has verified.
  const credential = await credentialOf(registry, token, peer);

  // Step 2: what is asked for. The CSR proves that its sender holds the private key (RFC 2986 §3, note 2).
  const keyFrom = makeKey === undefined ? 'device' : 'server';
  const asked: AskedEnrollment = { credential, request: request(), group: group ?? null, keyFrom };

  const call: Call = { asked, address, now: clock.now() };

  // Step 3: whether it may be. A refusal here costs no signature, and no key.
  const admitted = await admitRequest(registry, asked, call.now);
  if (admitted.kind === 'granted') return issue(context, call, admitted, makeKey);
  if (admitted.kind === 'unrequested') return askOperators(context, call, admitted);
  return answerKnown(admitted, call.now);
}

/** What stays the same over both times that it is decided on. */
interface Call {
  readonly asked: AskedEnrollment;
  readonly address: string;
  readonly now: number;
}

async function credentialOf(
  registry: RegistryReader,
  token: string | undefined,
  peer: FactoryPeer | undefined,
): Promise<Credential> {
  if (token === undefined) {
    if (peer === undefined) throw new GatehouseError('token_missing');
    return { kind: 'factory', chain: verifyFactoryPeer(peer) };
  }
  const presented = parseToken('enrollment', token);
  const known = presented && (await registry.token(presented.id));
  if (!presented || !secretMatches(presented.secret, known?.secretHash))
    throw new GatehouseError('token_unknown');
  return { kind: 'token', tokenId: presented.id };
}

async function issue(
  { registry, issuing, statusUrl, crlShards, ownHostnames }: EnrollContext,
  call: Call,
  entitled: Entitled,
  makeKey: EnrollmentTerms['makeKey'],
): Promise<EnrollmentOutcome> {
  const { asked, now } = call;
  // Step 4: sign. The certificate is nobody's yet: until step 5 commits, it exists in this function alone.
  const issuer = issuing.current();
  const publicKey = (await makeKey?.(asked.request.publicKey)) ?? asked.request.publicKey;
  const certificate = await issueDeviceCertificate({
    issuer,
    ...entitled.terms,
    publicKey,
    now,
    statusUrl,
    crlShards,
    reservedHostnames: ownHostnames,
  });

  // Step 5: decide again and record it, in one durable transaction. Of two that race, one is told 'repeated'
  // or refused, and its signature is thrown away.
  return registry.write(actorOf(asked, entitled), async (transaction) => {
    const decided = await decideAgain(transaction, call, entitled);
    if (decided.kind !== 'granted') return putOff(transaction, decided, call);
    const { deviceId } = decided;
    const record = certificateRecord({
      certificate,
      device: deviceId,
      issuer: issuer.certificate.fingerprint,
      issuedAt: now,
      renews: null,
    });
    await recordEnrollment(transaction, decided, record, asked.keyFrom);
    return { kind: 'enrolled', enrollment: { deviceId, certificate: record, created: true } };
  });
}

/** The device speaks for itself where a factory certificate has proven who it is. */
function actorOf({ credential }: AskedEnrollment, { deviceId }: Entitled): Actor {
  return credential.kind === 'token' ? `token:${credential.tokenId}` : `device:${deviceId}`;
}

/** Decides again too: of two that race, one finds the request of the other. */
function askOperators(
  { registry }: EnrollContext,
  call: Call,
  entitled: Entitled,
): Promise<EnrollmentOutcome> {
  return registry.write(actorOf(call.asked, entitled), async (transaction) =>
    putOff(transaction, await decideAgain(transaction, call, entitled), call),
  );
}

/** Where nothing can change any more. @throws GatehouseError `terms_changed` where something has by then */
async function decideAgain(
  transaction: RegistryTransaction,
  { asked, now }: Call,
  { terms }: Entitled,
): Promise<AdmittedRequest> {
  const decided = await admitRequest(transaction, asked, now);
  if (decided.kind === 'granted' || decided.kind === 'unrequested') refuseChangedTerms(terms, decided.terms);
  return decided;
}

/** What has been granted since it was first decided, the device is given when it asks again. */
async function putOff(
  transaction: RegistryTransaction,
  decided: AdmittedRequest,
  { asked, address, now }: Call,
): Promise<EnrollmentOutcome> {
  if (decided.kind === 'repeated' || decided.kind === 'awaiting') return answerKnown(decided, now);
  const { request } = asked;
  const open = decided.open ?? (await fileRequest(transaction, decided, { request, address, now }));
  return answerKnown({ kind: 'awaiting', open }, now);
}

function answerKnown(known: Repeated | Awaiting, now: number): EnrollmentOutcome {
  if (known.kind === 'repeated') {
    const { device, certificate } = known;
    return { kind: 'enrolled', enrollment: { deviceId: device, certificate, created: false } };
  }
  const { open } = known;
  return { kind: 'awaiting', request: open, retryAfter: retryAfter(now - open.createdAt) };
}
