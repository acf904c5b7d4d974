/** The CAs, as they are answered. */
import { z } from 'zod';
import type {
  CaRetirement,
  CaRotation,
  CaStatusView,
  CrlView,
  IssuerStatusView,
  IssuerView,
} from '../../../core/api/issuers.ts';
import { count, type Fields, fingerprint, pem, serialNumber, time } from './fields.ts';

export const issuer = z
  .object({
    fingerprint,
    kind: z.enum(['root', 'issuing']),
    status: z.enum(['active', 'retiring', 'retired']),
    serialNumber,
    subject: z.string(),
    notBefore: time,
    notAfter: time,
    pem,
  } satisfies Fields<IssuerView>)
  .meta({ id: 'Issuer' });

const crl = z
  .object({
    list: z.string().describe('full, delta or shard-…'),
    number: z.string(),
    thisUpdate: time,
    nextUpdate: time,
    entries: count.nullable(),
    bytes: count,
    path: z.string().describe('at the status listener'),
  } satisfies Fields<CrlView>)
  .meta({ id: 'Crl' });

const issuerStatus = issuer
  .extend({
    devices: count.nullable(),
    crls: z.array(crl).readonly(),
  } satisfies Fields<Omit<IssuerStatusView, keyof IssuerView>>)
  .meta({ id: 'IssuerStatus' });

export const caStatus = z
  .object({
    devices: count,
    moved: count,
    issuers: z.array(issuerStatus).readonly(),
  } satisfies Fields<CaStatusView>)
  .meta({ id: 'CaStatus' });

export const rotation = z
  .object({ issuing: issuer, root: issuer.nullable() } satisfies Fields<CaRotation>)
  .meta({ id: 'CaRotation' });

export const retirement = z
  .object({
    issuer,
    lockedOut: count,
    listedByRoot: z.boolean(),
  } satisfies Fields<CaRetirement>)
  .meta({ id: 'CaRetirement' });
