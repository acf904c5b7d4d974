/** Devices and certificates, as they are answered. */
import { z } from 'zod';
import { type CertificateView, certificatePurposes } from '../../../core/api/certificates.ts';
import type { DeviceDetail, DeviceView, PresenceView } from '../../../core/api/devices.ts';
import type {
  DeviceExplanation,
  ExplainedRefusal,
  Finding,
  RefusalsView,
  RefusalView,
} from '../../../core/api/explanation.ts';
import { refusedActions } from '../../../core/observations/refusal.ts';
import {
  attributes,
  count,
  deviceId,
  type Fields,
  fingerprint,
  name,
  pem,
  serialNumber,
  time,
} from './fields.ts';

export const deviceStatus = z.enum(['active', 'suspended', 'revoked']);

const presence = z
  .object({
    status: z.enum(['online', 'offline', 'unknown']),
    since: time,
    reason: z.string().nullable(),
    lastSeenAt: time,
    connectedAt: time,
    sessions: count,
    clientId: z.string(),
    address: z.string(),
    tlsVersion: z.string().nullable(),
    serialNumber,
  } satisfies Fields<PresenceView>)
  .meta({ id: 'Presence' });

export const device = z
  .object({
    id: deviceId,
    group: name,
    status: deviceStatus,
    attributes,
    createdAt: time,
    changedAt: time,
    enrolledAt: time.nullable(),
    presence: presence.nullable(),
  } satisfies Fields<DeviceView>)
  .meta({ id: 'Device' });

export const certificate = z
  .object({
    serialNumber,
    fingerprint,
    purpose: z.enum(certificatePurposes),
    device: deviceId.nullable(),
    issuer: fingerprint,
    status: z.enum(['active', 'superseded', 'suspended', 'revoked']),
    issuedAt: time,
    notBefore: time,
    notAfter: time,
    revokedAt: time.nullable(),
    reason: z.string().nullable(),
    renews: serialNumber.nullable(),
    firstUsedAt: time.nullable(),
    pem,
  } satisfies Fields<CertificateView>)
  .meta({ id: 'Certificate' });

export const deviceDetail = device
  .extend({
    certificates: z.array(certificate).readonly(),
    factory: z.object({ manufacturer: name, certificate: fingerprint }).nullable(),
    releasedAt: time.nullable(),
  } satisfies Fields<Omit<DeviceDetail, keyof DeviceView>>)
  .meta({ id: 'DeviceDetail' });

const refusal = z
  .object({
    action: z.enum(refusedActions),
    rule: z.string(),
    topic: z.string().nullable(),
    count,
    firstAt: time,
    lastAt: time,
    detail: z.string(),
    remedy: z.string(),
    serialNumber: serialNumber.nullable(),
    clientId: z.string().nullable(),
    address: z.string(),
  } satisfies Fields<RefusalView>)
  .meta({ id: 'Refusal' });

export const refusals = z
  .object({
    items: z.array(refusal).readonly(),
    claims: z.array(refusal).readonly(),
  } satisfies Fields<RefusalsView>)
  .meta({ id: 'Refusals' });

const finding = z
  .object({
    severity: z.enum(['problem', 'note']),
    text: z.string(),
    next: z.string().nullable(),
  } satisfies Fields<Finding>)
  .meta({ id: 'Finding' });

const explainedRefusal = refusal
  .extend({
    settled: z.string().nullable(),
  } satisfies Fields<Omit<ExplainedRefusal, keyof RefusalView>>)
  .meta({ id: 'ExplainedRefusal' });

export const explanation = z
  .object({
    id: deviceId,
    device: deviceDetail.nullable(),
    policy: name.nullable(),
    findings: z.array(finding).readonly(),
    items: z.array(explainedRefusal).readonly(),
    claims: z.array(refusal).readonly(),
    strangers: z.array(refusal).readonly(),
    observedWithin: count.describe('seconds'),
  } satisfies Fields<DeviceExplanation>)
  .meta({ id: 'DeviceExplanation' });
