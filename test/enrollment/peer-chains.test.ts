/**
 * Node's `getPeerX509Certificate` takes the certificates that a client sent off OpenSSL's list and never frees them: a
 * connection that is asked in that way costs memory for ever. Who is asked, and who is not.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { PeerChains } from '../../enroll/listeners/peer-chains.ts';
import { readPeerCertificate } from '../../runtime/peer-certificate.ts';
import type { ClientIdentity } from '../support/enroll-service.ts';
import { type Made, makeDevice, makeIntermediate, makeRoot } from '../support/factory.ts';

const open: TLSSocket[] = [];
let server: Server;
let trusted: Made;
let strange: Made;
beforeAll(async () => {
  const root = await makeRoot('Acme');
  trusted = await makeDevice(await makeIntermediate('Line', root), { cn: 'press-7' });
  strange = await makeDevice(await makeIntermediate('Line', await makeRoot('Other')), { cn: 'press-8' });
  const { key, cert } = await makeDevice(root, { cn: 'server' });
  const clients = { requestCert: true, rejectUnauthorized: false, ca: root.certificate.pem };
  server = createServer({ key, cert, ...clients }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});
afterAll(() => void server.close());

/** The server's end of a connection of such a client. */
async function accept(identity: Partial<ClientIdentity>): Promise<TLSSocket> {
  const { port } = server.address() as AddressInfo;
  const { key, cert } = identity;
  const client = connect({ port, rejectUnauthorized: false, ...(key && cert && { key, cert }) });
  const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
  open.push(client, socket);
  return socket;
}

/** Whether the certificates behind the client's own are still where OpenSSL put them. */
const areLeft = (socket: TLSSocket) => socket.getPeerX509Certificate()?.issuerCertificate !== undefined;
const requestOver = (socket: TLSSocket, headers = {}) => ({ raw: { socket }, headers });

it('to read who the peer is leaves its chain where it is', async () => {
  for (const [device, commonName, error] of [
    [trusted, 'press-7', null],
    [strange, 'press-8', expect.any(String)],
  ] as const) {
    const socket = await accept(device);
    const { fingerprint } = device.certificate;
    expect(readPeerCertificate(socket)).toMatchObject({ fingerprint, commonName, chainError: error });
    expect(areLeft(socket)).toBe(true);
    socket.destroy();
    expect(readPeerCertificate(socket)).toBeUndefined();
  }
});

it('a chain that leads to a trust anchor is taken, once, and stays the same', async () => {
  const socket = await accept(trusted);
  const peers = new PeerChains();
  const first = peers.factoryPeer(requestOver(socket));
  expect([first?.chain.length, first?.chainError]).toEqual([2, null]);
  expect(peers.factoryPeer(requestOver(socket))).toBe(first);
});

it('one that leads to none is not', async () => {
  const socket = await accept(strange);
  const peer = new PeerChains().factoryPeer(requestOver(socket));
  expect(peer).toEqual({ chain: [], chainError: expect.any(String) });
  expect(areLeft(socket)).toBe(true);
});

it('nor is any of a client that sends credentials, or of one without a certificate', async () => {
  const socket = await accept(trusted);
  const request = requestOver(socket, { authorization: 'Basic eDp5' });
  expect(new PeerChains().factoryPeer(request)).toBeUndefined();
  expect(areLeft(socket)).toBe(true);
  const bare = await accept({});
  expect(new PeerChains().factoryPeer(requestOver(bare))).toBeUndefined();
  expect(readPeerCertificate(bare)).toBeUndefined();
});
