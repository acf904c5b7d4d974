/** A registry from before CRLs were files: nothing that was revoked is forgotten, and numbers go on. */
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { connectWriter } from '../../registry/sqlite/connection.ts';
import { initial } from '../../registry/sqlite/migrations/0001-initial.ts';
import { renewal } from '../../registry/sqlite/migrations/0002-renewal.ts';
import { rollover } from '../../registry/sqlite/migrations/0003-rollover.ts';
import { enrollmentWays } from '../../registry/sqlite/migrations/0004-enrollment-ways.ts';
import { supersededInTime } from '../../registry/sqlite/migrations/0005-superseded-in-time.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { certificate, change, crl, issuer, NOW, root } from './samples.ts';

const folder = temporaryFolder();

it('keeps numbers and lists, and knows what had changed by then', async () => {
  const file = join(folder, 'registry.db');
  const database = connectWriter(file);
  const steps = [initial, renewal, rollover, enrollmentWays, supersededInTime];
  for (const step of steps) database.exec(step);
  database.pragma(`user_version = ${steps.length}`);
  const insertIssuer = database.prepare(
    `INSERT INTO issuers (fingerprint, kind, status, serialNumber, subject, notBefore, notAfter, der)
     VALUES (@fingerprint, @kind, @status, @serialNumber, @subject, @notBefore, @notAfter, @der)`,
  );
  for (const record of [root, issuer]) insertIssuer.run(record);
  const insertCertificate = database.prepare(
    `INSERT INTO certificates (serialNumber, fingerprint, keyFingerprint, issuer, status, notBefore, notAfter,
       issuedAt, revokedAt, reason, der)
     VALUES (@serialNumber, @fingerprint, @keyFingerprint, @issuer, @status, @notBefore, @notAfter,
       @issuedAt, @revokedAt, @reason, @der)`,
  );
  const [active, revoked] = [
    certificate('active'),
    certificate('revoked', { status: 'revoked', revokedAt: NOW, reason: 'keyCompromise' }),
  ];
  for (const record of [active, revoked]) insertCertificate.run(record);
  const insertCrl = database.prepare(
    'INSERT INTO crls (issuer, number, thisUpdate, nextUpdate, der) VALUES (@issuer, @number, @thisUpdate, @nextUpdate, @der)',
  );
  for (const record of [crl(41n), crl(3n, { issuer: root.fingerprint })]) insertCrl.run(record);
  database.exec(
    `INSERT INTO journal (seq, time, actor, event, previousHash, hash) VALUES (1, 0, 'system', '{}', '', '')`,
  );
  database.close();

  const registry = await openRegistry({ file, clock: { now: () => NOW } });
  try {
    expect(await registry.crlNumber(issuer.fingerprint)).toBe(41n);
    expect(await registry.keptCrl(root.fingerprint, 'full')).toEqual(crl(3n, { issuer: root.fingerprint }));
    expect(await registry.keptCrl(issuer.fingerprint, 'full')).toEqual(crl(41n));
    expect((await registry.certificateBySerial(revoked.serialNumber))?.statusSeq).toBe(1);
    expect((await registry.certificateBySerial(active.serialNumber))?.statusSeq).toBeNull();
    expect([
      await registry.statusChange(issuer.fingerprint, 0),
      await registry.statusChange(issuer.fingerprint, 1),
    ]).toEqual(['urgent', undefined]);
    await expect(
      change(registry, (transaction) => transaction.putCrlNumber(issuer.fingerprint, 41n)),
    ).rejects.toHaveProperty('message', 'CRL numbers increase');
  } finally {
    await registry.close();
  }
});
