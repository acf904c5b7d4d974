/** A registry from before there was housekeeping keeps all that it had. */
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { initial } from '../../registry/sqlite/migrations/0001-initial.ts';
import { renewal } from '../../registry/sqlite/migrations/0002-renewal.ts';
import { rollover } from '../../registry/sqlite/migrations/0003-rollover.ts';
import { enrollmentWays } from '../../registry/sqlite/migrations/0004-enrollment-ways.ts';
import { supersededInTime } from '../../registry/sqlite/migrations/0005-superseded-in-time.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { certificate, deviceId, fingerprint, NOW, name, serial } from './samples.ts';

const file = join(temporaryFolder(), 'registry.db');

/** As the fifth version has written it. */
function writeOld(): void {
  const database = new Sqlite(file);
  const steps = [initial, renewal, rollover, enrollmentWays, supersededInTime];
  for (const step of steps) database.exec(step);
  database.pragma(`user_version = ${steps.length}`);
  const { keyFingerprint } = certificate('second');
  database.exec(`
    INSERT INTO policies VALUES ('device', '{}', 1);
    INSERT INTO profiles VALUES ('device', '{}', 1);
    INSERT INTO groups (name, description, profile, policy) VALUES ('default', '', 'device', 'device');
    INSERT INTO issuers (fingerprint, kind, status, serialNumber, subject, notBefore, notAfter, der)
      VALUES ('${fingerprint('issuer')}', 'issuing', 'active', 'AA', 'CN=Issuing', 1, 2, x'00');
    INSERT INTO devices (id, "group", status, attributes, createdAt, changedAt)
      VALUES ('pump', 'default', 'active', '{}', 1, 1), ('imported', 'default', 'active', '{}', 1, 1);
    INSERT INTO tokens (id, secretHash, "group", device, maxUses, uses, createdAt, createdBy, expiresAt)
      VALUES ('token', 'x', 'default', NULL, 9, 1, 1, 'system', ${NOW});
  `);
  const insert = database.prepare(`
    INSERT INTO certificates (serialNumber, fingerprint, keyFingerprint, device, issuer, status, notBefore, notAfter,
      issuedAt, revokedAt, reason, renews, firstUsedAt, der)
    VALUES (@serialNumber, @fingerprint, @keyFingerprint, @device, @issuer, @status, @notBefore, @notAfter,
      @issuedAt, @revokedAt, @reason, @renews, @firstUsedAt, @der)`);
  const device = deviceId('pump');
  insert.run(certificate('first', { device, issuedAt: NOW - 5 }));
  insert.run(certificate('second', { device, renews: serial('first') }));
  database.exec(`
    INSERT INTO tokenUses VALUES ('token', '${keyFingerprint}', '${serial('second')}');
    INSERT INTO factoryUses VALUES ('pump', 'acme', '${fingerprint('factory')}', '${keyFingerprint}', '${serial('second')}');
  `);
  database.close();
}

it('is brought up to date with when devices enrolled, and by what', async () => {
  writeOld();
  const registry = await openRegistry({ file, clock: { now: () => NOW } });
  const second = certificate('second', { device: deviceId('pump'), renews: serial('first') });
  expect(await registry.enrolledAt(deviceId('pump'))).toBe(NOW - 5);
  expect(await registry.enrolledAt(deviceId('imported'))).toBeUndefined();
  expect(await registry.device(deviceId('imported'))).not.toHaveProperty('enrolledAt');
  expect(await registry.tokenUse('token', second.keyFingerprint)).toEqual(second);
  expect(await registry.factoryUse(deviceId('pump'))).toMatchObject({
    manufacturer: name('acme'),
    serialNumber: second.serialNumber,
  });
  await registry.close();
});
