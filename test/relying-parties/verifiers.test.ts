/** openssl, GnuTLS and strongSwan, by the document's commands: a certificate that stands, and one that is revoked. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { enrollHolder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createRelyingParty, type RelyingParty, revoke } from './relying-party.ts';

describeWith(['bash', 'curl', 'openssl', 'certtool', 'ocsptool', 'pki'], 'docs/relying-parties.md', () => {
  const folder = temporaryFolder();
  let service: TestEnroll;
  /** What each has as pump-7.pem stands, or is revoked. */
  const parties = new Map<'stands' | 'revoked', RelyingParty>();
  beforeAll(async () => {
    service = await startTestEnroll(folder);
    for (const status of ['stands', 'revoked'] as const) {
      const party = await createRelyingParty(join(folder, status), service);
      const device = await enrollHolder(service, status);
      party.keep(device, 'pump-7');
      parties.set(status, party);
      if (status === 'revoked') await revoke(service, device);
    }
  });
  afterAll(() => service.close());

  function commandsFor(status: 'stands' | 'revoked', section: string) {
    const party = parties.get(status);
    if (party === undefined) throw new Error(status);
    return party.recipe(section);
  }

  it.each([
    ['openssl', /pump-7.pem: OK/, /pump-7.pem: good[\s\S]*Response verify OK/],
    ['GnuTLS', /Chain verification output: Verified/, /Verifying OCSP Response: Success/],
    ['strongSwan', /trusted, lifetimes valid, certificate not revoked/],
  ])('accepts what stands by %s', async (section, ...expected) => {
    const next = commandsFor('stands', section);
    for (const said of expected) expect(await next()).toMatch(said);
  });

  it.each([
    ['openssl', /certificate revoked/, /pump-7.pem: revoked/],
    ['GnuTLS', /certificate chain is revoked/, /Certificate Status: revoked/],
    ['strongSwan', /certificate was revoked/],
  ])('refuses what is revoked by %s', async (section, ...expected) => {
    const next = commandsFor('revoked', section);
    for (const said of expected) await expect(next()).rejects.toThrow(said);
  });
});
