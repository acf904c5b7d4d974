/** After expiry: a bounded grace in which everything else must hold; and TLS sessions, which are not resumed. */
import { once } from 'node:events';
import { request } from 'node:http';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { parseCsr } from '../../core/pki/csr.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import type { EnrollContext } from '../../enroll/context.ts';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { renewDevice } from '../../enroll/use-cases/renewing/renew-device.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { keysOf } from '../support/ca-keys.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { askRenewal, enrollHolder, type Holder } from './renewing.ts';

const DAY = 86_400_000;
const folder = temporaryFolder();
/** The server's clock: 80 days behind while devices enroll for 70 days, and right afterwards. */
const clock = { behind: 80 * DAY, now: () => Date.now() - clock.behind };
let service: TestEnroll;
let registry: Registry;
let context: EnrollContext;
beforeAll(async () => {
  service = await startTestEnroll(folder, {}, clock);
  const { layout } = service;
  registry = await openRegistry({ file: layout.registry.database, clock: systemClock });
  const issuing = await loadIssuingAuthority(registry, keysOf(layout));
  context = { registry, issuing, clock, statusUrl: service.statusUrl, ownHostnames: [] };
  await service.operator('PUT', '/profiles/short', { validity: '70d' });
  for (const [group, renewalGrace] of Object.entries({ none: 0, brief: '5d', long: '30d' })) {
    await service.operator('PUT', `/groups/${group}`, { profile: 'short', policy: 'device', renewalGrace });
  }
});
afterAll(async () => {
  await registry.close();
  await service.close();
});

/** Enrolled when its certificate has expired ten days ago by now. */
async function expiredHolder(id: string, group: string): Promise<Holder> {
  clock.behind = 80 * DAY;
  const holder = await enrollHolder(service, id, { group });
  clock.behind = 0;
  return holder;
}

describe('an expired certificate', () => {
  it('is renewed within the grace of its group', async () => {
    const holder = await expiredHolder('patient', 'long');
    const { status, body } = await askRenewal(service, holder);
    expect([status, body.code]).toEqual([201, undefined]);
    expect(Date.parse(body.notAfter)).toBeGreaterThan(Date.now());
  });

  it.each(['none', 'brief'])(
    'is refused beyond a grace that is %s, with the time on both clocks',
    async (group) => {
      const holder = await expiredHolder(`late-${group}`, group);
      const { status, headers, body } = await askRenewal(service, holder);
      expect([status, body.code]).toEqual([403, 'certificate_expired']);
      expect(body.detail).toContain(holder.notAfter);
      const [, told = ''] = /the server's clock says (\S+)/.exec(body.detail) ?? [];
      expect(Date.parse(told)).toBeGreaterThan(Date.now() - 60_000);
      expect(Date.parse(String(headers.date))).toBeGreaterThan(Date.now() - 60_000);
    },
  );

  it.each([
    ['revoke', 'device_revoked'],
    ['suspend', 'device_suspended'],
  ])('is refused within the grace after %s', async (action, code) => {
    const holder = await expiredHolder(`barred-by-${action}`, 'long');
    await service.operator('POST', `/devices/${holder.deviceId}/${action}`, {});
    const { status, body } = await askRenewal(service, holder);
    expect([status, body.code]).toEqual([403, code]);
  });

  it('keeps its name within the grace', async () => {
    const holder = await expiredHolder('renamed', 'long');
    expect((await askRenewal(service, holder, { commonName: 'other' })).body.code).toBe('cn_not_allowed');
  });
});

describe('asked again', () => {
  const anew = async (holder: Holder) => {
    const { status, body } = await askRenewal(service, holder);
    expect([status, body.code]).toEqual([201, undefined]);
    return body;
  };

  it('when the unused successor has expired too, gives another', async () => {
    clock.behind = 80 * DAY;
    const holder = await enrollHolder(service, 'long-silent', { group: 'long' });
    const expired = await anew(holder);
    clock.behind = 0;
    expect((await anew(holder)).serialNumber).not.toBe(expired.serialNumber);
  });

  it('when the issuer of the unused successor is retired, gives another', async () => {
    const holder = await expiredHolder('rolled-over', 'long');
    const stale = await anew(holder);
    const database = new Sqlite(service.layout.registry.database);
    database.exec(
      `INSERT INTO issuers
       SELECT 'other', kind, 'retired', 'FF', subject, notBefore, notAfter, der, notBefore FROM issuers
       WHERE kind = 'issuing'`,
    );
    database
      .prepare(`UPDATE certificates SET issuer = 'other' WHERE serialNumber = ?`)
      .run(stale.serialNumber);
    database.close();
    expect((await anew(holder)).serialNumber).not.toBe(stale.serialNumber);
  });
});

describe('a certificate that is not valid yet', () => {
  it('is refused, with the time on both clocks', async () => {
    clock.behind = 0;
    const holder = await enrollHolder(service, 'early');
    clock.behind = DAY;
    const { status, body } = await askRenewal(service, holder);
    clock.behind = 0;
    expect([status, body.code]).toEqual([403, 'certificate_not_yet_valid']);
    expect(body.detail).toContain(holder.notBefore);
  });
});

describe('the edge of the grace', () => {
  async function at(holder: Holder, now: number) {
    const record = await registry.certificateBySerial(holder.serialNumber);
    if (record === undefined) throw new Error('not recorded');
    const { fingerprint, serialNumber } = record;
    const peer = { fingerprint, serialNumber, commonName: holder.deviceId, chainError: 'CERT_HAS_EXPIRED' };
    const csr = parseCsr(await buildCsr({ commonName: null, privateKey: holder.privateKey }));
    return renewDevice({ ...context, clock: { now: () => now } }, { peer, request: () => csr });
  }

  it('belongs to it, and not a millisecond more', async () => {
    const holder = await expiredHolder('edge', 'long');
    const end = Date.parse(holder.notAfter) + 30 * DAY;
    await expect(at(holder, end + 1)).rejects.toMatchObject({ code: 'certificate_expired' });
    expect((await at(holder, end)).created).toBe(true);
  });

  it('without a grace is notAfter itself', async () => {
    const holder = await expiredHolder('no-edge', 'none');
    const end = Date.parse(holder.notAfter);
    await expect(at(holder, end + 1)).rejects.toMatchObject({ code: 'certificate_expired' });
    expect((await at(holder, end)).created).toBe(true);
  });

  it('does not outlast the issuer', async () => {
    const holder = await expiredHolder('outlasting', 'long');
    const database = new Sqlite(service.layout.registry.database);
    const notAfter = database.prepare(`SELECT notAfter FROM issuers WHERE kind = 'issuing'`).pluck().get();
    database.exec(`UPDATE issuers SET notAfter = ${Date.parse(holder.notAfter)} WHERE kind = 'issuing'`);
    try {
      await expect(at(holder, Date.parse(holder.notAfter) + 1)).rejects.toMatchObject({
        code: 'certificate_untrusted',
      });
    } finally {
      database.exec(`UPDATE issuers SET notAfter = ${Number(notAfter)} WHERE kind = 'issuing'`);
      database.close();
    }
  });

  it('needs the signature of the issuer on record: OpenSSL tells of expiry alone', async () => {
    const holder = await expiredHolder('forged', 'long');
    const foreign = await expiredHolder('foreign', 'long');
    const database = new Sqlite(service.layout.registry.database);
    const { der } = database
      .prepare<[string], { der: Buffer }>('SELECT der FROM certificates WHERE serialNumber = ?')
      .get(foreign.serialNumber) ?? { der: Buffer.alloc(0) };
    // The last byte is part of the signature.
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    database.prepare('UPDATE certificates SET der = ? WHERE serialNumber = ?').run(der, holder.serialNumber);
    database.close();
    await expect(at(holder, Date.now())).rejects.toMatchObject({ code: 'certificate_untrusted' });
  });
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a session of %s', (version) => {
  const open = (options: ConnectionOptions) => {
    const { port } = new URL(service.enrollUrl);
    const versions = { minVersion: version, maxVersion: version } as const;
    const { ca } = service;
    return connect({
      host: '127.0.0.1',
      port: Number(port),
      servername: 'localhost',
      ca,
      ...versions,
      ...options,
    });
  };

  /** Of a connection that has had one answer: in TLS 1.3 the ticket comes when the server likes. */
  async function sessionOf({ key, cert }: Holder): Promise<Buffer | undefined> {
    const socket = open({ key, cert });
    let session: Buffer | undefined;
    socket.on('session', (latest: Buffer) => {
      session = latest;
    });
    await once(socket, 'secureConnect');
    socket.resume().write('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    return session;
  }

  it('is not resumed: whoever is to be known by a certificate shows it, and its chain, each time', async () => {
    clock.behind = 0;
    const holder = await enrollHolder(service, `resumer-${version}`);
    const session = await sessionOf(holder);
    expect(session).toBeInstanceOf(Buffer);
    const body = JSON.stringify({ csr: await csrPem({ commonName: null, privateKey: holder.privateKey }) });
    const call = request({
      createConnection: () => open({ session }),
      method: 'POST',
      path: '/v1/renew',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    }).end(body);
    const [response] = await once(call, 'response');
    expect((response.socket as TLSSocket).isSessionReused()).toBe(false);
    let text = '';
    for await (const chunk of response) text += chunk;
    expect([response.statusCode, JSON.parse(text).code]).toEqual([401, 'certificate_missing']);
  });
});
