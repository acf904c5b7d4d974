/** Which revocation of a device was its last, told for registries from before it was kept too; and what of one may change. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { canonicalJson } from '../../core/journal/canonical-json.ts';
import { connectWriter } from '../../registry/sqlite/connection.ts';
import { initial } from '../../registry/sqlite/migrations/0001-initial.ts';
import { renewal } from '../../registry/sqlite/migrations/0002-renewal.ts';
import { rollover } from '../../registry/sqlite/migrations/0003-rollover.ts';
import { enrollmentWays } from '../../registry/sqlite/migrations/0004-enrollment-ways.ts';
import { supersededInTime } from '../../registry/sqlite/migrations/0005-superseded-in-time.ts';
import { crl } from '../../registry/sqlite/migrations/0006-crl.ts';
import { revocation } from '../../registry/sqlite/migrations/0007-revocation.ts';
import { housekeeping } from '../../registry/sqlite/migrations/0008-housekeeping.ts';
import { observations } from '../../registry/sqlite/migrations/0009-observations.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { certificate, deviceId, issuer, NOW } from './samples.ts';

const file = join(temporaryFolder(), 'registry.db');
const events = [
  { action: 'device.revoked', subject: 'one', data: { reason: 'unspecified', serialNumbers: [] } },
  { action: 'device.reinstated', subject: 'one', data: { released: false } },
  {
    action: 'devices.revoked',
    subject: 'default',
    data: {
      reason: 'unspecified',
      count: 2,
      devices: ['two', 'three'].map((id) => ({ id, serialNumbers: [] })),
    },
  },
  { action: 'device.revoked', subject: 'three', data: { reason: 'unspecified', serialNumbers: [] } },
  { action: 'device.suspended', subject: 'four', data: { serialNumbers: [] } },
];

beforeAll(() => {
  const database = connectWriter(file);
  const steps = [initial, renewal, rollover, enrollmentWays, supersededInTime, crl, revocation, housekeeping];
  for (const step of [...steps, observations]) database.exec(step);
  database.pragma(`user_version = ${steps.length + 1}`);
  database.exec(`
    INSERT INTO policies VALUES ('device', '{}', 1);
    INSERT INTO profiles VALUES ('device', '{}', 1);
    INSERT INTO groups (name, description, profile, policy) VALUES ('default', '', 'device', 'device')`);
  const insert = database.prepare(
    `INSERT INTO devices (id, "group", status, attributes, createdAt, changedAt) VALUES (?, 'default', ?, '{}', 1, 1)`,
  );
  for (const id of ['one', 'four', 'never']) insert.run(id, 'active');
  for (const id of ['two', 'three', 'archived']) insert.run(id, 'revoked');
  const append = database.prepare(`INSERT INTO journal VALUES (?, 0, 'system', ?, '', '')`);
  for (const [index, event] of events.entries()) append.run(index + 1, canonicalJson(event));
  database.close();
});

it.each([
  ['one', 2, 'was reinstated since'],
  ['two', 3, 'was revoked with others'],
  ['three', 4, 'was revoked more than once'],
  ['archived', 5, 'was revoked by a row that the journal has no more'],
  ['four', undefined, 'was suspended alone'],
  ['never', undefined, 'never was'],
])('of %s, found in an older registry, is row %s: it %s', async (id, seq, _why) => {
  const registry = await openRegistry({ file, clock: { now: () => NOW } });
  expect(await registry.revokedSeq(deviceId(id))).toBe(seq);
  expect(await registry.device(deviceId(id))).not.toHaveProperty('revokedSeq');
  await registry.close();
});

describe('what is revoked', () => {
  let writer: ReturnType<typeof connectWriter>;
  beforeAll(async () => {
    await (await openRegistry({ file, clock: { now: () => NOW } })).close();
    writer = connectWriter(file);
    writer
      .prepare(
        `INSERT INTO issuers (fingerprint, kind, status, serialNumber, subject, notBefore, notAfter, der)
         VALUES (@fingerprint, @kind, @status, @serialNumber, @subject, @notBefore, @notAfter, @der)`,
      )
      .run(issuer);
    writer
      .prepare(
        `INSERT INTO certificates (serialNumber, fingerprint, keyFingerprint, issuer, status, notBefore, notAfter,
           issuedAt, revokedAt, reason, der)
         VALUES (@serialNumber, @fingerprint, @keyFingerprint, @issuer, @status, @notBefore, @notAfter,
           @issuedAt, @revokedAt, @reason, @der)`,
      )
      .run(certificate('revoked', { status: 'revoked', revokedAt: NOW, reason: 'unspecified' }));
  });
  afterAll(() => void writer.close());

  it('takes keyCompromise as its reason, and nothing before or after that', () => {
    const set = (reason: string) => writer.prepare('UPDATE certificates SET reason = ?').run(reason);
    expect(() => set('superseded')).toThrow('changes to keyCompromise alone');
    set('keyCompromise');
    expect(() => set('unspecified')).toThrow('changes to keyCompromise alone');
    set('keyCompromise');
  });

  it('keeps its date', () => {
    const set = (time: number) => writer.prepare('UPDATE certificates SET revokedAt = ?').run(time);
    expect(() => set(NOW + 1)).toThrow('keeps its date');
    set(NOW);
  });
});
