/** From an error to what HTTP says of it (RFC 9457): the one place where codes meet statuses. */
import { randomUUID } from 'node:crypto';
import type { ImportProblem } from '../../core/api/import.ts';
import type { Problem } from '../../core/api/problem.ts';
import { type ErrorCode, errorCatalog, GatehouseError } from '../../core/errors.ts';
import { LinesRefused } from '../bulk/line-errors.ts';
import { ComeBackLater } from '../use-cases/come-back-later.ts';

/** Codes that a listener of this process answers; every other one is a fault inside and answered as 500. */
const statusByCode: Partial<Record<ErrorCode, number>> = {
  device_id_invalid: 400,
  device_pattern_invalid: 400,
  name_invalid: 400,
  serial_number_invalid: 400,
  fingerprint_invalid: 400,
  request_invalid: 400,
  csr_not_pem: 400,
  csr_base64_invalid: 400,
  csr_malformed: 400,
  csr_trailing_data: 400,
  csr_signature_invalid: 400,
  csr_signature_algorithm_unsupported: 400,
  key_unsupported: 400,
  key_weak: 400,
  key_blocked: 403,
  key_compromised: 403,
  key_in_use: 409,
  cn_invalid: 400,
  cn_not_allowed: 403,
  token_missing: 401,
  token_unknown: 401,
  token_expired: 403,
  token_spent: 403,
  token_revoked: 403,
  token_group_mismatch: 403,
  // Not 403: a client that shows some certificate may hold a token back until it is asked for one (RFC 7030 §3.2.3).
  factory_certificate_untrusted: 401,
  factory_certificate_expired: 403,
  factory_id_invalid: 403,
  factory_identity_spent: 409,
  device_not_listed: 403,
  device_group_mismatch: 403,
  pem_invalid: 400,
  certificate_malformed: 400,
  manufacturer_ca_invalid: 400,
  manufacturer_unknown: 404,
  request_unknown: 404,
  request_denied: 403,
  request_closed: 409,
  requests_full: 503,
  channel_binding_mismatch: 400,
  subject_mismatch: 400,
  server_keygen_disabled: 403,
  key_encryption_unsupported: 400,
  terms_changed: 503,
  device_already_enrolled: 409,
  device_revoked: 403,
  device_suspended: 403,
  device_unknown: 404,
  serial_number_unknown: 404,
  certificate_missing: 401,
  certificate_untrusted: 403,
  certificate_unknown: 403,
  certificate_mismatch: 403,
  certificate_expired: 403,
  certificate_not_yet_valid: 403,
  certificate_revoked: 403,
  certificate_superseded: 403,
  certificate_suspended: 403,
  group_unknown: 404,
  policy_unknown: 404,
  profile_unknown: 404,
  operator_unknown: 404,
  operator_exists: 409,
  operator_last_admin: 409,
  key_not_blocked: 404,
  issuer_unknown: 404,
  issuer_retired: 403,
  issuer_in_use: 409,
  issuer_needed: 409,
  issuer_expired: 503,
  ca_busy: 409,
  ca_key_missing: 409,
  issuer_key_mismatch: 409,
  passphrase_missing: 409,
  passphrase_wrong: 409,
  pkcs11_missing: 409,
  pkcs11_module_unusable: 409,
  pkcs11_token_unknown: 409,
  pkcs11_pin_missing: 409,
  pkcs11_pin_refused: 409,
  pkcs11_mechanism_missing: 409,
  pkcs11_failed: 409,
  crl_unknown: 404,
  not_found: 404,
  entry_invalid: 400,
  device_repeated: 400,
  device_exists: 409,
  import_refused: 400,
  list_too_large: 413,
  import_busy: 409,
  list_refused: 400,
  bulk_unconfirmed: 409,
  revocation_busy: 409,
  policy_invalid: 400,
  profile_invalid: 400,
  attribute_missing: 409,
  certificate_name_invalid: 409,
  topic_filter_invalid: 400,
  topic_name_invalid: 400,
  operator_token_missing: 401,
  operator_token_invalid: 401,
  operator_role_insufficient: 403,
  content_type_unsupported: 415,
  body_invalid: 400,
  body_too_large: 413,
  rate_limited: 429,
  renewed_too_often: 429,
};

/** Seconds to wait (RFC 9110 §10.2.3), where the wait does not depend on who asks. */
const retryAfterByCode: Partial<Record<ErrorCode, number>> = {
  requests_full: 3_600,
  signer_unavailable: 10,
  terms_changed: 1,
  issuer_expired: 3_600,
};

/** For the Retry-After header of the answer to this error; undefined where it has none of its own. */
export function retryAfterOf(error: unknown): number | undefined {
  if (error instanceof ComeBackLater) return error.retryAfter;
  return error instanceof GatehouseError ? retryAfterByCode[error.code] : undefined;
}

export interface ProblemAnswer {
  readonly status: number;
  readonly body: Problem | ImportProblem;
  /** Set where the fault is inside: what the log needs to explain the opaque answer. */
  readonly fault?: { readonly id: string; readonly error: unknown };
}

export function problemOf(error: unknown): ProblemAnswer {
  const known = recognise(error);
  const status = known && statusByCode[known.code];
  if (known?.code === 'signer_unavailable') return unavailable(known);
  if (known !== undefined && status !== undefined) {
    const body = describe(known.code, status, known.message);
    if (!(known instanceof LinesRefused)) return { status, body };
    const { errors, errorCount } = known;
    return { status, body: { ...body, errors, errorCount } };
  }
  const id = randomUUID();
  return { status: 500, body: describe('internal', 500, `fault ${id}`), fault: { id, error } };
}

/** Not the asker's fault, and none of its business which token answered what; it may come back. */
function unavailable(error: GatehouseError): ProblemAnswer {
  const id = randomUUID();
  const body = describe(error.code, 503, `try again in ${retryAfterOf(error)} seconds (fault ${id})`);
  return { status: 503, body, fault: { id, error } };
}

function describe(code: ErrorCode, status: number, detail: string): Problem {
  const { title, remedy } = errorCatalog[code];
  return { type: `urn:gatehouse:error:${code}`, title, status, detail, code, remedy };
}

/** Our own errors as they are, and those of the HTTP framework as the codes they amount to. */
function recognise(error: unknown): GatehouseError | undefined {
  if (error instanceof GatehouseError) return error;
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatehouseError('content_type_unsupported');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatehouseError('body_too_large');
    case 'FST_ERR_VALIDATION':
      return new GatehouseError('request_invalid', error.message);
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new GatehouseError('body_invalid', error.message);
  }
  if (statusCode === 429) return new GatehouseError('rate_limited', error.message);
  if (statusCode === 400) return new GatehouseError('request_invalid', error.message);
  return undefined;
}
