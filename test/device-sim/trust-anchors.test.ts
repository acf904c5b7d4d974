/** Whom a device trusts: what it was given, then what those it trusts tell it. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createEnrollClient } from '../../device-sim/contract/enroll-client.ts';
import { followAnchors } from '../../device-sim/device/renewal-call.ts';
import {
  folderStorage,
  type IdentityStorage,
  memoryStorage,
} from '../../device-sim/identity/identity-storage.ts';
import { TrustAnchors } from '../../device-sim/identity/trust-anchors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Authority, createAuthority } from './support/authority.ts';
import { type EnrollServer, startEnrollServer } from './support/enroll-server.ts';

const folder = temporaryFolder();
let before: Authority;
let after: Authority;
beforeAll(async () => {
  before = await createAuthority();
  after = await createAuthority();
});

let storage: IdentityStorage;
let servers: EnrollServer[];
beforeEach(() => {
  storage = memoryStorage();
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
});

/** One that answers with these roots, and whose own certificate is of `authority`. */
async function ask(authority: Authority, roots: string): Promise<void> {
  const server = await startEnrollServer(authority, (_request, response) => void response.end(roots));
  servers.push(server);
  const trust = await TrustAnchors.open(storage, () => before.ca);
  const client = createEnrollClient({ url: server.url, ca: trust.pem });
  await followAnchors(client, trust, new AbortController().signal);
  await client.close();
}

const trusted = async () => (await TrustAnchors.open(storage, () => before.ca)).pem;

describe('the trust anchors', () => {
  it('follow a server from one root over both to the next', async () => {
    await ask(before, before.ca + after.ca);
    expect(await trusted()).toBe(before.ca + after.ca);
    await ask(after, after.ca);
    expect(await trusted()).toBe(after.ca);
  });

  it('do not follow a server that they do not lead to', async () => {
    await ask(after, after.ca);
    expect(await trusted()).toBe(before.ca);
  });

  it('once they have left a root, do not go back to it for what the device was given', async () => {
    await ask(before, before.ca + after.ca);
    await ask(after, after.ca);
    await ask(before, before.ca);
    expect(await trusted()).toBe(after.ca);
  });

  it.each<[string, () => string | Promise<string>]>([
    ['is empty', () => ''],
    ['is a page', () => '<h1>Welcome</h1>'],
    [
      'holds a certificate that is none',
      () => `${after.ca}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    ],
    ['holds a certificate of no CA', async () => (await after.serverCredentials(['localhost'])).cert],
    ['holds far too many', () => after.ca.repeat(17)],
  ])('stay as they are where the answer %s', async (_what, answer) => {
    await ask(before, await answer());
    expect(await trusted()).toBe(before.ca);
  });

  it('stay as they are where there is no answer', async () => {
    const trust = await TrustAnchors.open(storage, () => before.ca);
    const client = createEnrollClient({ url: 'https://localhost:1', ca: trust.pem });
    await followAnchors(client, trust, new AbortController().signal);
    expect(trust.pem).toBe(before.ca);
  });

  it('are not asked for by every device of a fleet that shares them', async () => {
    const server = await startEnrollServer(before, (_request, response) => void response.end(before.ca));
    servers.push(server);
    const trust = await TrustAnchors.open(storage, () => before.ca);
    const client = createEnrollClient({ url: server.url, ca: trust.pem });
    for (let device = 0; device < 3; device += 1) {
      await followAnchors(client, trust, new AbortController().signal);
    }
    await client.close();
    expect(server.requests).toHaveLength(1);
  });

  it('lie in the state folder, for all to read', async () => {
    storage = folderStorage(join(folder, 'state'));
    await ask(before, after.ca);
    expect(readFileSync(join(folder, 'state', 'trust.pem'), 'utf8')).toBe(after.ca);
    expect(statSync(join(folder, 'state', 'trust.pem')).mode & 0o777).toBe(0o644);
  });

  it('make a connection anew when they have changed, and not before', async () => {
    const trust = await TrustAnchors.open(storage, () => before.ca);
    const { key, cert: chain } = await before.serverCredentials(['localhost']);
    const credentials = { key, chain };
    const first = trust.tlsIdentityOf(credentials);
    expect(trust.tlsIdentityOf(credentials).secureContext).toBe(first.secureContext);
    await trust.follow(after.ca, 0);
    const second = trust.tlsIdentityOf(credentials);
    expect(second.secureContext).not.toBe(first.secureContext);
    expect(second.ca).toBe(after.ca);
  });
});
