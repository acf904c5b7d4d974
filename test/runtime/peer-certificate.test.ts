/** Who a peer is, is read from a resumed TLS session by another way than from a full handshake: both must say the same. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PeerCertificate, readPeerCertificate } from '../../runtime/peer-certificate.ts';
import { eventually } from '../support/eventually.ts';
import { type Made, make, makeRoot } from '../support/factory.ts';

const COMMON_NAME = '2.5.4.3';
let root: Made;
let server: Server;
beforeAll(async () => {
  root = await makeRoot('Acme');
  const { key, cert } = await make({ subject: { cn: 'server' }, issuer: root });
  const clients = { requestCert: true, rejectUnauthorized: false, ca: root.certificate.pem };
  const sessions = { sessionIdContext: 'test', ticketKeys: Buffer.alloc(48, 7) };
  server = createServer({ key, cert, ...clients, ...sessions }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

async function visit(identity: Partial<Made>, maxVersion: 'TLSv1.2' | 'TLSv1.3', session?: Buffer) {
  const { port } = server.address() as AddressInfo;
  const { key, cert } = identity;
  const shown = key !== undefined && cert !== undefined ? { key, cert } : {};
  const client = connect({
    port,
    maxVersion,
    rejectUnauthorized: false,
    ...shown,
    ...(session && { session }),
  });
  let ticket: Buffer | undefined;
  client.on('session', (latest: Buffer) => {
    ticket = latest;
  });
  const [[socket]] = (await Promise.all([
    once(server, 'secureConnection'),
    once(client, 'secureConnect'),
  ])) as [[TLSSocket], unknown];
  const read: PeerCertificate | undefined = readPeerCertificate(socket);
  const isResumed = socket.isSessionReused();
  if (session === undefined) await eventually(() => ticket);
  client.destroy();
  socket.destroy();
  return { read, isResumed, ticket };
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a resumed session of %s', (version) => {
  it.each<[string, Readonly<Record<string, string>>, string | null]>([
    ['a device ID', { cn: 'press-7' }, 'press-7'],
    ['other names beside it', { o: 'Acme', cn: 'press-7', serialNumber: '12' }, 'press-7'],
    ['another name that looks like one', { o: 'CN=press-8', cn: 'press-7' }, 'press-7'],
    ['another name with a line that looks like one', { o: 'Acme\nCN=press-8', cn: 'press-7' }, 'press-7'],
    ['only what looks like one', { o: 'Acme\nCN=press-8' }, null],
    ['two of them', { cn: 'press-7', [COMMON_NAME]: 'press-8' }, null],
    ['none', { o: 'Acme' }, null],
    ['what is none', { cn: 'präss, 7' }, 'präss, 7'],
    ['two lines of which one is', { cn: 'press-7\nCN=press-8' }, 'press-7\nCN=press-8'],
  ])('says what the handshake said of a certificate with %s', async (_what, subject, commonName) => {
    const device = await make({ subject, issuer: root });
    const first = await visit(device, version);
    expect(first).toMatchObject({ isResumed: false, read: { commonName, chainError: null } });
    const { fingerprint } = device.certificate;
    expect(first.read?.fingerprint).toBe(fingerprint);
    const { isResumed, read } = await visit(device, version, first.ticket);
    expect(isResumed).toBe(true);
    expect(read).toEqual(first.read);
  });

  it('says of a strange certificate that its chain does not verify', async () => {
    const device = await make({ subject: { cn: 'press-7' }, issuer: await makeRoot('Other') });
    const first = await visit(device, version);
    const { isResumed, read } = await visit(device, version, first.ticket);
    expect(isResumed).toBe(true);
    expect(read).toEqual(first.read);
    expect(read?.chainError).not.toBeNull();
  });

  it('has no certificate where none was shown', async () => {
    const first = await visit({}, version);
    const { isResumed, read } = await visit({}, version, first.ticket);
    expect({ isResumed, read }).toEqual({ isResumed: true, read: undefined });
  });
});
