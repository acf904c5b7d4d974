/** A listener staples what enroll keeps for it, as long as that is about its certificate and in time; else nothing. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { parseSerialNumber } from '../../core/ids.ts';
import { type Issuer, issueOcspResponderCertificate } from '../../core/pki/issue.ts';
import {
  buildOcspRefusal,
  buildOcspRequest,
  buildOcspResponse,
  type OcspResponder,
  ocspResponder,
  parseOcspRequest,
} from '../../core/pki/ocsp.ts';
import { signingKeyOf } from '../../core/pki/signer.ts';
import { SecureContextSource } from '../../runtime/secure-context.ts';
import { TicketKeys } from '../../runtime/ticket-keys.ts';
import { issueServer } from '../broker/authority.ts';
import { createAuthority, DAY } from '../pki/test-authority.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Handshake, type HandshakeOptions, shakeHands } from './handshakes.ts';

const HOUR = 3_600_000;
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

const folder = temporaryFolder();
const bundle = join(folder, 'server.pem');
const stapleFile = join(folder, 'ocsp.der');
const logged: { readonly level: number; readonly msg: string }[] = [];
const log = pino({}, { write: (line) => void logged.push(JSON.parse(line)) });
/** On a whole second, as times in answers are. */
const start = Math.floor(Date.now() / 1_000) * 1_000;
const clock = { time: start, now: () => clock.time };
let issuing: Issuer;
let ca: string;
let responder: OcspResponder;
let server: Server;
let unwatch: () => void;
let port: number;
let serialNumber: string;

beforeAll(async () => {
  const authority = await createAuthority({ now: start });
  issuing = authority.issuing;
  ca = authority.root.certificate.pem;
  const { publicKey, signer } = signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const terms = { issuer: issuing, commonName: 'Test OCSP', publicKey, validity: DAY, now: start };
  responder = ocspResponder(await issueOcspResponderCertificate(terms), publicKey, signer);
  await renewCertificate();
  await staple(serialNumber);

  const ticketKeys = await TicketKeys.open({ file: join(folder, 'ticket-keys.json'), clock, log });
  const source = new SecureContextSource({
    file: bundle,
    staple: { file: stapleFile, clock },
    ticketKeys,
    pollInterval: 20,
    log,
  });
  server = createServer(await source.read(), (socket) => socket.on('error', () => {}));
  unwatch = source.watch(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  unwatch();
  server.close();
});

beforeEach(async () => {
  clock.time = start;
  await staple(serialNumber);
  await eventually(async () => (await handshake()).staple !== undefined);
});

const handshake = (options: HandshakeOptions = {}) => shakeHands(port, { ca, ...options });

/** At one stroke, as enroll does it. */
function replace(file: string, content: string | Uint8Array): void {
  writeFileSync(`${file}.tmp`, content);
  renameSync(`${file}.tmp`, file);
}

async function renewCertificate(): Promise<void> {
  const { key, chain, ...issued } = await issueServer(issuing, 'gatehouse broker');
  serialNumber = issued.serialNumber;
  replace(bundle, key + chain);
}

async function answerAbout(serial: string): Promise<Uint8Array> {
  const request = buildOcspRequest(issuing.certificate, parseSerialNumber(serial));
  const answers = parseOcspRequest(request).certIds.map((certId) => ({
    certId,
    status: { status: 'good' } as const,
  }));
  const times = { producedAt: start, thisUpdate: start, nextUpdate: start + HOUR };
  return buildOcspResponse({ responder, answers, nonce: null, ...times });
}

async function staple(serial: string): Promise<void> {
  replace(stapleFile, await answerAbout(serial));
}

const untilNothingIsStapled = () =>
  eventually(async () => ((await handshake()).staple === undefined ? true : undefined));

describe.each(VERSIONS)('in %s', (version) => {
  const only = { minVersion: version, maxVersion: version };

  it('a client that asks is given it', async () => {
    const { staple: stapled, serialNumber: served } = await handshake(only);
    expect([stapled?.serialNumber, served]).toEqual([serialNumber, serialNumber]);
  });

  it('a client that does not ask is given none', async () => {
    expect((await handshake({ ...only, requestOCSP: false })).staple).toBeUndefined();
  });

  it('sessions are resumed as before', async () => {
    for (const requestOCSP of [true, false]) {
      const { session } = await handshake({ ...only, ticket: true });
      expect(await handshake({ ...only, requestOCSP, ...(session && { session }) })).toMatchObject({
        resumed: true,
      });
    }
  });
});

describe('the handshake goes on, and nothing is stapled', () => {
  it.each([
    ['before its time', -1],
    ['from its end on', HOUR],
  ])('%s', async (_name, passed) => {
    clock.time = start + passed;
    expect((await handshake()).staple).toBeUndefined();
    clock.time = start + (passed < 0 ? 0 : HOUR - 1);
    expect((await handshake()).staple).toBeDefined();
  });

  it.each<[string, () => void | Promise<void>]>([
    ['where there is none', () => rmSync(stapleFile)],
    ['where it is about another certificate', () => staple('0123456789')],
    ['where it is a refusal', () => replace(stapleFile, buildOcspRefusal('tryLater'))],
    ['where it is noise', () => replace(stapleFile, 'noise')],
    ['where it is empty', () => replace(stapleFile, '')],
    [
      'where it is cut off',
      async () => replace(stapleFile, (await answerAbout(serialNumber)).subarray(0, 200)),
    ],
  ])('%s', async (_name, happens) => {
    await happens();
    await untilNothingIsStapled();
  });
});

it('what cannot be stapled is in the log, and what is missing is not', async () => {
  const warnings = () => logged.filter(({ level, msg }) => level === 40 && /staple/.test(msg)).length;
  const before = warnings();
  rmSync(stapleFile);
  await untilNothingIsStapled();
  expect(warnings()).toBe(before);
  replace(stapleFile, 'noise');
  await eventually(() => warnings() > before);
});

it('another certificate is served without the staple of the one before, and with its own when that is there', async () => {
  const before = serialNumber;
  await renewCertificate();
  const seen: Handshake[] = [];
  await eventually(async () => {
    seen.push(await handshake());
    return seen.at(-1)?.serialNumber === serialNumber;
  });
  expect(seen.at(-1)?.staple).toBeUndefined();
  for (const { serialNumber: served, staple: stapled } of seen)
    expect(stapled === undefined || stapled.serialNumber === served).toBe(true);
  expect(before).not.toBe(serialNumber);

  await staple(serialNumber);
  const { staple: own } = await eventually(async () => {
    const shaken = await handshake();
    return shaken.staple === undefined ? undefined : shaken;
  });
  expect(own?.serialNumber).toBe(serialNumber);
});
