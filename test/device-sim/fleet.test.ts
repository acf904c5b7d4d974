/** A whole fleet, over real connections to a server that a test controls. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type FleetOptions, runFleet } from '../../device-sim/fleet/fleet.ts';
import type { FleetReport } from '../../device-sim/fleet/report.ts';
import { loadIdentity } from '../../device-sim/identity/identity.ts';
import { folderStorage } from '../../device-sim/identity/identity-storage.ts';
import type { KeyType } from '../../device-sim/identity/private-key.ts';
import type { Output } from '../../runtime/command-line/output.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Authority, createAuthority } from './support/authority.ts';
import { type EnrollServer, enrolling, json, startEnrollServer } from './support/enroll-server.ts';
import { type ScriptedBroker, startScriptedBroker } from './support/scripted-broker.ts';

let authority: Authority;
let server: EnrollServer;
let broker: ScriptedBroker;
const folder = temporaryFolder();

beforeAll(async () => {
  authority = await createAuthority();
  broker = await startScriptedBroker(authority);
  server = await startEnrollServer(authority, enrolling(authority));
});
afterAll(() => {
  broker.close();
  server.close();
});
function forget(): void {
  server.requests.length = 0;
  broker.connections.length = 0;
}
beforeEach(() => {
  authority.life = undefined;
  server.answer = enrolling(authority);
  forget();
  broker.onConnect = () => 0;
  broker.onPublish = () => true;
});

const said: string[] = [];
const output: Output = {
  json: false,
  terminal: false,
  columns: 80,
  say: (text) => said.push(text),
  write: (text) => said.push(text),
  result: () => {},
  note: () => {},
};

const run = (changes: Partial<FleetOptions> = {}, interrupt = new AbortController().signal) =>
  runFleet(
    {
      url: server.url,
      ca: () => authority.ca,
      token: 'ghe_token',
      mqttUrl: broker.url,
      devices: 5,
      prefix: 'sim-',
      keyType: 'ec-p256',
      renewKey: 'new',
      rate: 100,
      duration: 300,
      ...changes,
    },
    output,
    interrupt,
  );

/**
 * What `act` comes to in `duration` ms, or in longer where this machine does not get done within that what is waited for.
 * @param isDone whether it has come about; where it never does, the last report says what did
 */
async function longEnough(
  duration: number,
  isDone: (report: FleetReport) => boolean,
  act: (duration: number) => Promise<FleetReport>,
): Promise<{ readonly report: FleetReport; readonly duration: number }> {
  for (let time = duration; ; time *= 4) {
    forget();
    const report = await act(time);
    if (isDone(report) || time > 4 * duration) return { report, duration: time };
  }
}

const telemetry = () =>
  broker.connections.flatMap(({ packets }) => packets.filter(({ cmd }) => cmd === 'publish'));

describe('a fleet', () => {
  it('enrolls, connects and publishes, each device as itself', async () => {
    const report = await run();
    expect(report).toMatchObject({
      ok: true,
      devices: 5,
      enrolled: { count: 5 },
      resumed: 0,
      connected: { count: 5 },
      messages: { sent: 30, acknowledged: 30, heldBack: 0 },
      failures: {},
    });
    expect(telemetry()).toHaveLength(30);
    expect(broker.connections.map(({ connect }) => connect.clientId).sort()).toEqual(
      [1, 2, 3, 4, 5].map((number) => `sim-000${number}`),
    );
    for (const { connect, commonName } of broker.connections) expect(commonName).toBe(connect.clientId);
  });

  it('leaves each identity in a folder, and goes on with it the next time', async () => {
    const out = join(folder, 'fleet');
    await run({ out, devices: 3 });
    for (const id of ['sim-0001', 'sim-0002', 'sim-0003']) {
      expect(readdirSync(join(out, id))).toEqual(
        expect.arrayContaining(['key.pem', 'cert.pem', 'chain.pem']),
      );
      expect(statSync(join(out, id, 'key.pem')).mode & 0o777).toBe(0o600);
    }
    const certificate = readFileSync(join(out, 'sim-0001', 'cert.pem'), 'utf8');
    server.requests.length = 0;

    const report = await run({ out, devices: 4 });
    expect(report).toMatchObject({ ok: true, enrolled: { count: 1 }, resumed: 3, connected: { count: 4 } });
    expect(server.requests).toHaveLength(1);
    expect(readFileSync(join(out, 'sim-0001', 'cert.pem'), 'utf8')).toBe(certificate);
  });

  it('leaves nothing where it was not asked to', async () => {
    await run({ prefix: 'nowhere-' });
    expect(existsSync('nowhere-0001')).toBe(false);
  });

  it('makes failed attempts good, and says how many there were', async () => {
    let refusals = 2;
    server.answer = async (request, response) => {
      if (refusals-- > 0) return json(response, 503, {}, { 'retry-after': '0' });
      return enrolling(authority)(request, response);
    };
    expect(await run()).toMatchObject({ ok: true, retries: { not_gatehouse: 2 }, failures: {} });
  });

  it('counts refusals by code, and goes on with the others', async () => {
    broker.onConnect = ({ clientId }) => (clientId === 'sim-0002' ? 5 : 0);
    const report = await run();
    expect(report).toMatchObject({
      ok: false,
      connected: { count: 4 },
      messages: { acknowledged: 30 },
      failures: { mqtt_not_authorized: 1 },
    });
    expect(broker.connections.filter(({ connect }) => connect.clientId === 'sim-0002')).toHaveLength(1);
  });

  it('ends with a report where nobody gets in', async () => {
    server.answer = (_request, response) =>
      json(response, 401, { code: 'token_unknown', detail: '', remedy: '' });
    // With an hour of traffic asked for, it would not end in time.
    expect(await run({ duration: 3_600_000 })).toMatchObject({
      ok: false,
      enrolled: { count: 0 },
      messages: { sent: 0, heldBack: 0, seconds: 0 },
      latencyMs: null,
      failures: { token_unknown: 5 },
    });
  });

  it('counts the loss of a live connection and what was lost with it', async () => {
    broker.onPublish = () => {
      broker.connections.find(({ connect }) => connect.clientId === 'sim-0001')?.socket.destroy();
      return true;
    };
    const report = await run({ devices: 2 });
    expect(report.ok).toBe(false);
    expect(report.failures).toEqual({ connection_lost: 1 });
    expect(report.messages.lost).toBeGreaterThan(0);
  });

  it('ends early when interrupted, with the report of what was done', async () => {
    const interrupt = new AbortController();
    broker.onPublish = () => {
      interrupt.abort();
      return true;
    };
    const report = await run({ duration: 60_000 }, interrupt.signal);
    expect(report.messages.seconds).toBeLessThan(60);
    expect(report.connected.count).toBe(5);
  });

  it('ends with an error that no device foresees, rather than waiting for it', async () => {
    await expect(run({ keyType: 'no such key' as KeyType })).rejects.toThrow(/is not a function/);
  });

  it('says goodbye, so that no will is published', async () => {
    await run();
    for (const { packets } of broker.connections) expect(packets.at(-1)?.cmd).toBe('disconnect');
  });
});

describe('a fleet whose certificates fall due', () => {
  beforeEach(() => {
    authority.life = { renewAfter: 150, notAfter: 10_000 };
  });
  const renewals = () => server.requests.filter(({ path }) => path === '/v1/renew');

  it('renews while it publishes, loses nothing, and says how long each device was away', async () => {
    const { report, duration } = await longEnough(
      1_500,
      ({ renewed }) => renewed.count >= 5,
      (time) => run({ duration: time }),
    );
    expect(report).toMatchObject({
      ok: true,
      messages: { lost: 0 },
      renewed: { undone: 0, retries: {} },
      retries: {},
    });
    const { sent, acknowledged, heldBack } = report.messages;
    expect(sent + heldBack).toBe(duration / 10);
    expect([acknowledged, telemetry().length]).toEqual([sent, sent]);
    // Of each device one may still be under way when the run ends.
    expect(renewals().length - report.renewed.count).toBeGreaterThanOrEqual(0);
    expect(renewals().length - report.renewed.count).toBeLessThanOrEqual(5);
    expect(report.renewed.count).toBeGreaterThanOrEqual(5);
    expect(report.renewed.awayMs?.p99).toBeGreaterThan(0);
  });

  it('leaves the renewed identities, with which it goes on', async () => {
    const out = join(folder, 'renewed');
    const { report } = await longEnough(
      1_000,
      ({ renewed }) => renewed.count >= 2,
      (duration) => run({ out, devices: 2, duration }),
    );
    const certificates = authority.issued.size;
    for (const id of ['sim-0001', 'sim-0002'])
      expect(await loadIdentity(folderStorage(join(out, id)))).toBeDefined();
    expect(readFileSync(join(out, 'trust.pem'), 'utf8')).toBe(authority.ca);
    expect(report.renewed.count).toBeGreaterThanOrEqual(2);

    authority.life = undefined;
    expect(await run({ out, devices: 2 })).toMatchObject({ ok: true, enrolled: { count: 0 }, resumed: 2 });
    // Those that were due have renewed once more.
    expect(authority.issued.size).toBeLessThanOrEqual(certificates + 2);
  });

  it('is not ok where a renewal stays undone, and says why', async () => {
    server.answer = async (request, response) => {
      if (request.path !== '/v1/renew') return enrolling(authority)(request, response);
      json(response, 403, { code: 'key_blocked', detail: 'no', remedy: '' });
    };
    const { report } = await longEnough(
      700,
      ({ renewed }) => renewed.undone === 3,
      (duration) => run({ devices: 3, duration }),
    );
    expect(report).toMatchObject({
      ok: false,
      messages: { lost: 0 },
      renewed: { count: 0, undone: 3, retries: { key_blocked: 3 }, awayMs: null },
    });
    // Refused for good, none asks twice.
    expect(renewals()).toHaveLength(3);
  });

  it('is ok where a failed attempt was made good', async () => {
    const { report } = await longEnough(
      2_500,
      ({ renewed }) => renewed.count >= 3 && renewed.undone === 0,
      (duration) => {
        let failures = 3;
        server.answer = async (request, response) => {
          if (request.path !== '/v1/renew' || failures-- <= 0) return enrolling(authority)(request, response);
          return json(response, 503, {}, { 'retry-after': '0' });
        };
        return run({ devices: 3, duration });
      },
    );
    expect(report).toMatchObject({ ok: true, renewed: { undone: 0, retries: { not_gatehouse: 3 } } });
  });
});
