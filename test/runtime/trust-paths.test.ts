/** Where the path from a peer's certificate may end. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Issuer } from '../../core/pki/issue.ts';
import { SecureContextSource } from '../../runtime/secure-context.ts';
import { issueDevice, issueServer } from '../broker/authority.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = join(temporaryFolder(), 'server.pem');
let issuing: Issuer;
let server: Server;
let source: SecureContextSource;
let unwatch = () => {};
beforeAll(async () => {
  ({ issuing } = await createAuthority({ now: Date.now() }));
  const { key, chain } = await issueServer(issuing, 'gatehouse broker');
  writeFileSync(file, key + chain);
});
afterEach(() => {
  unwatch();
  server.close();
});

/** It trusts the issuing CA, and has never heard of a root. */
async function listen(endAtAnyAnchor: boolean): Promise<void> {
  const trustAnchors = async () => [issuing.certificate.pem];
  source = new SecureContextSource({ file, trustAnchors, endAtAnyAnchor, log: pino({ level: 'silent' }) });
  server = createServer({ ...(await source.read()), requestCert: true, rejectUnauthorized: false });
  unwatch = source.watch(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

/** OpenSSL's name for what is wrong with it; null where nothing is. */
async function verdictOn(by: Issuer): Promise<string | null> {
  const { key, chain } = await issueDevice(by, 'dev-1');
  const accepted = once(server, 'secureConnection');
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', key, cert: chain, rejectUnauthorized: false });
  const [socket] = (await accepted) as [TLSSocket];
  const verdict = socket.authorized ? null : String(socket.authorizationError);
  client.destroy();
  socket.destroy();
  return verdict;
}

it('a path ends at an issuing CA that is an anchor, after a reload too', async () => {
  await listen(true);
  expect(await verdictOn(issuing)).toBeNull();
  await source.reload(server);
  expect(await verdictOn(issuing)).toBeNull();
});

it('a path to no anchor does not count', async () => {
  await listen(true);
  const stranger = await createAuthority({ now: Date.now() });
  expect(await verdictOn(stranger.issuing)).toBe('UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
});

it('a path goes on to a root where nothing else is said', async () => {
  await listen(false);
  expect(await verdictOn(issuing)).toBe('UNABLE_TO_GET_ISSUER_CERT');
});
