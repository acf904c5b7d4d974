/** What decides on enrollments, as it is answered: tokens, requests, manufacturers, blocked keys. */
import { z } from 'zod';
import type { BlockedKeyView } from '../../../core/api/blocked-keys.ts';
import type { ManufacturerView } from '../../../core/api/manufacturers.ts';
import type { RequestView } from '../../../core/api/requests.ts';
import type { TokenCreated, TokenView } from '../../../core/api/tokens.ts';
import { requestStatuses } from '../../../core/enrollment/approval.ts';
import { admissions, idSources } from '../../../core/enrollment/factory-rule.ts';
import { keyKinds } from '../../../core/pki/public-key.ts';
import { count, deviceId, type Fields, fingerprint, name, pem, serialNumber, time } from './fields.ts';

export const token = z
  .object({
    id: z.string(),
    group: name,
    device: z.string().nullable(),
    maxUses: count,
    uses: count,
    status: z.enum(['active', 'spent', 'expired', 'revoked']),
    createdAt: time,
    createdBy: z.string(),
    expiresAt: time,
  } satisfies Fields<TokenView>)
  .meta({ id: 'Token' });

export const tokenCreated = token
  .extend({
    token: z.string().describe('shown this once'),
  } satisfies Fields<Omit<TokenCreated, keyof TokenView>>)
  .meta({ id: 'TokenCreated' });

export const request = z
  .object({
    id: count,
    status: z.enum(requestStatuses),
    device: deviceId,
    group: name,
    token: z.string().nullable(),
    manufacturer: name.nullable(),
    factoryCertificate: fingerprint.nullable(),
    keyKind: z.enum(keyKinds),
    keyFingerprint: fingerprint,
    address: z.string(),
    createdAt: time,
    expiresAt: time.nullable(),
    decidedAt: time.nullable(),
    decidedBy: z.string().nullable(),
    reason: z.string().nullable(),
    serialNumber: serialNumber.nullable(),
  } satisfies Fields<RequestView>)
  .meta({ id: 'Request' });

export const manufacturer = z
  .object({
    name,
    group: name.nullable(),
    idFrom: z.enum(idSources),
    idPrefix: z.string(),
    admit: z.enum(admissions),
    changedAt: time,
    certificates: z
      .array(
        z.object({
          subject: z.string(),
          fingerprint,
          notAfter: time,
          anchor: z.boolean(),
          pem,
        } satisfies Fields<ManufacturerView['certificates'][number]>),
      )
      .readonly(),
  } satisfies Fields<ManufacturerView>)
  .meta({ id: 'Manufacturer' });

export const blockedKey = z
  .object({
    fingerprint,
    note: z.string(),
    blockedAt: time,
  } satisfies Fields<BlockedKeyView>)
  .meta({ id: 'BlockedKey' });
