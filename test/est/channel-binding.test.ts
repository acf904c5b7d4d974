/** A challengePassword must be the channel binding of the very connection (RFC 7030 §3.5). */
import type { KeyObject } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { basic, callOver, connectTo, csrText } from './est-client.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let token: string;
let privateKey: KeyObject;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  token = (await service.createToken({ device: 'press-7' })).token;
  privateKey = await generatePrivateKey();
});
afterAll(() => service.close());

type Version = 'TLSv1.2' | 'TLSv1.3';
const open = (version: Version) => connectTo(service, { minVersion: version, maxVersion: version });

/** RFC 9266 §2, and RFC 5929 §3.1, both as a client sees them. */
const exporter = (socket: TLSSocket) =>
  socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)).toString('base64');
const ownFinished = (socket: TLSSocket) => socket.getFinished()?.toString('base64') ?? '';
const peerFinished = (socket: TLSSocket) => socket.getPeerFinished()?.toString('base64') ?? '';

async function enroll(socket: TLSSocket, challengePassword: string): Promise<[number, string]> {
  const body = csrText({ commonName: 'press-7', privateKey, challengePassword });
  const answer = await callOver(socket, { path: '/simpleenroll', body, headers: basic('', token) });
  return [answer.status, answer.status === 200 ? '' : (answer.body.split(':')[0] ?? '')];
}
const GOOD = [200, ''];
const REFUSED = [400, 'channel_binding_mismatch'];

describe('with TLS 1.3', () => {
  it('tls-exporter is accepted, any number of times on its connection', async () => {
    const socket = await open('TLSv1.3');
    expect(await enroll(socket, exporter(socket))).toEqual(GOOD);
    expect(await enroll(socket, exporter(socket))).toEqual(GOOD);
    socket.destroy();
  });

  it("another connection's, a Finished message or anything else is refused", async () => {
    const [socket, other] = [await open('TLSv1.3'), await open('TLSv1.3')];
    const wrong = [
      exporter(other),
      ownFinished(socket),
      peerFinished(socket),
      'secret',
      '',
      `${exporter(socket)}=`,
    ];
    for (const value of wrong) expect(await enroll(socket, value)).toEqual(REFUSED);
    expect(await enroll(socket, exporter(socket))).toEqual(GOOD);
    socket.destroy();
    other.destroy();
  });
});

describe('with TLS 1.2', () => {
  it("tls-unique is the client's Finished message", async () => {
    const socket = await open('TLSv1.2');
    expect(await enroll(socket, ownFinished(socket))).toEqual(GOOD);
    for (const wrong of [peerFinished(socket), exporter(socket)]) {
      expect(await enroll(socket, wrong)).toEqual(REFUSED);
    }
    socket.destroy();
  });
});

it('POST /v1/enroll, which knows no channel binding, does not look at challengePassword', async () => {
  const body = csrText({ commonName: 'press-7', privateKey, challengePassword: 'for another CA' });
  expect((await service.enroll(token, body)).status).toBe(200);
});
