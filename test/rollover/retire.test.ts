/** The end of an issuing CA: said first, refused while devices depend on it, and then complete. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import type { CaRotation, IssuerView } from '../../core/api/issuers.ts';
import type { Page } from '../../core/api/page.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import {
  askRenewal,
  enrollHolder,
  type Holder,
  holderOf,
  renewed,
  untilStatus,
} from '../enrollment/renewing.ts';
import { callEst, csrText } from '../est/est-client.ts';
import { csrPem } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { journalWithoutLists } from '../support/journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Gate } from './gate.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const folder = temporaryFolder();
let gate: Gate;
let rotation: CaRotation;
let retiring: IssuerView;
/** Depend on the old CA to the end. */
let left: Holder;
let connected: Holder;
let moved: Holder;
const tickets = new Map<string, Buffer | undefined>();
beforeAll(async () => {
  gate = await Gate.open(folder);
  left = await enrollHolder(gate.enroll, 'left');
  connected = await enrollHolder(gate.enroll, 'connected');
  const moving = await enrollHolder(gate.enroll, 'moved');
  for (const version of VERSIONS) {
    const { ticket, socket } = await gate.visit(left, { version });
    tickets.set(version, ticket);
    socket.destroy();
  }
  const served = await gate.served(gate.port);
  rotation = await gate.rotate();
  // With its new certificate the broker reads the trust anchors anew as well: what follows is to have its own reasons.
  await eventually(async () => (await gate.served(gate.port)) !== served);
  moved = await renewed(gate.enroll, moving);
  await (await gate.connect(moved)).endAsync();
  await untilStatus(gate.enroll, moving, 'superseded');
  retiring = await gate.issuer('issuing', 'retiring');
});
afterAll(() => gate.close());

const dependents = async (query = '') => {
  const path = `/issuers/${retiring.fingerprint}/dependents${query}`;
  return (await gate.enroll.operator<Page<DeviceId>>('GET', path)).body;
};

describe('a CA that is still needed', () => {
  it.each(['issuing', 'root'] as const)('is not retired: the %s CA that is active', async (kind) => {
    const { status, body } = await gate.retire(await gate.issuer(kind, 'active'), 100);
    expect([status, body.code]).toEqual([409, 'issuer_needed']);
  });

  it('lists who depends on it, page by page', async () => {
    expect(await dependents()).toEqual({ items: ['connected', 'left'], next: null });
    expect(await dependents('?limit=1')).toEqual({ items: ['connected'], next: 'connected' });
    expect(await dependents('?limit=1&after=connected')).toEqual({ items: ['left'], next: null });
  });

  it.each([0, 1])('is not retired where 2 devices depend on it and %d may be locked out', async (lockOut) => {
    const { status, body } = await gate.retire(retiring, lockOut);
    expect([status, body.code]).toEqual([409, 'issuer_in_use']);
    expect(body.detail).toMatch(/^2 devices /);
    expect((await gate.issuer('issuing', 'retiring')).fingerprint).toBe(retiring.fingerprint);
  });

  it('one that does not exist is not retired either', async () => {
    const fingerprint = '0'.repeat(64) as IssuerView['fingerprint'];
    const { status, body } = await gate.retire({ fingerprint });
    expect([status, body.code]).toEqual([404, 'issuer_unknown']);
  });
});

describe('after its end', () => {
  let client: MqttClient;
  let witness: MqttClient;
  const wills: string[] = [];
  beforeAll(async () => {
    const { token } = await gate.enroll.createToken({ group: 'services', device: 'witness' });
    const privateKey = await generatePrivateKey();
    const { body } = await gate.enroll.enroll(token, await csrPem({ commonName: 'witness', privateKey }));
    witness = await gate.connect(holderOf(body, privateKey));
    witness.on('message', (topic) => wills.push(topic));
    await witness.subscribeAsync('devices/+/telemetry/#', { qos: 1 });
    const will = { topic: 'devices/connected/telemetry', payload: Buffer.from('gone'), qos: 1 as const };
    client = await gate.connect(connected, { clean: false, will });
    await client.subscribeAsync('devices/connected/commands/#', { qos: 1 });
    const closing = new Promise<void>((resolve) => client.once('close', () => resolve()));
    const { status, body: answer } = await gate.retire(retiring, 2);
    expect([status, answer.lockedOut, answer.listedByRoot]).toEqual([200, 2, true]);
    await closing;
  });

  it('who was connected with its certificates is cut off, and no will is published', async () => {
    expect(client.connected).toBe(false);
    expect(await gate.logged('issuer_retired')).toMatchObject({ device: 'connected' });
    const session = await gate.connect(moved);
    await session.publishAsync('devices/moved/telemetry', 'after', { qos: 1 });
    await eventually(() => wills.includes('devices/moved/telemetry'));
    expect(wills).toEqual(['devices/moved/telemetry']);
    await session.endAsync();
  });

  it('others are not disturbed', () => {
    expect(witness.connected).toBe(true);
  });

  it('nobody is admitted with them', async () => {
    await expect(gate.connect(left)).rejects.toMatchObject({ code: 5 });
    const refusal = gate.log.findLast(({ msg }) => msg === 'connection refused');
    expect(refusal).toMatchObject({ rule: 'issuer_retired', device: 'left' });
  });

  it.each(VERSIONS)('nor with a resumed session of %s', async (version) => {
    const { connack, resumed } = await gate.visit(left, { version, session: tickets.get(version) });
    expect([resumed, connack]).toEqual([true, 5]);
  });

  it('nor where the CA that is trusted no more is not sent along', async () => {
    await expect(gate.connect({ ...left, cert: left.certificate })).rejects.toMatchObject({ code: 5 });
    const refusal = gate.log.findLast(({ msg }) => msg === 'connection refused');
    expect(refusal).toMatchObject({ rule: 'certificate_untrusted', device: 'left' });
  });

  it('nothing is renewed by them', async () => {
    await eventually(async () => (await askRenewal(gate.enroll, left)).status === 403);
    expect((await askRenewal(gate.enroll, left)).body.code).toBe('issuer_retired');
    const { status, body } = await callEst(gate.enroll, {
      path: '/simplereenroll',
      body: csrText({ commonName: 'left', privateKey: left.privateKey }),
      tls: { key: left.key, cert: left.cert },
    });
    expect([status, body]).toEqual([403, expect.stringMatching(/^issuer_retired: /)]);
  });

  it('a device that enrolls anew finds its session as it left it', async () => {
    const command = { topic: 'devices/connected/commands/heat', payload: 'on' };
    await gate.enroll.operator('PUT', '/policies/commander', { publish: ['devices/+/commands/#'] });
    await gate.enroll.operator('PUT', '/groups/commanders', { profile: 'device', policy: 'commander' });
    const commander = await enrollHolder(gate.enroll, 'commander', { group: 'commanders' });
    const sender = await gate.connect(commander);
    await sender.publishAsync(command.topic, command.payload, { qos: 1 });
    await sender.endAsync();

    const anew = await enrollHolder(gate.enroll, 'connected', { device: 'connected' });
    const messages: string[] = [];
    const session = await gate.connect(anew, { clean: false });
    session.on('message', (topic, payload) => messages.push(`${topic} ${payload}`));
    await eventually(() => messages.includes(`${command.topic} ${command.payload}`));
    await session.endAsync();
  });

  it('the status counts nobody for it, and it trusts and signs nothing any more', async () => {
    const { issuers, devices, moved: count } = await gate.status();
    expect(issuers.map(({ status, devices: counted }) => [status, counted])).toEqual([
      ['active', null],
      ['retired', null],
      ['active', devices],
    ]);
    expect(count).toBe(devices);
    const { body } = await gate.enroll.call<string>(`${gate.enroll.enrollUrl}/v1/ca`);
    expect(body).toBe((await gate.issuer('root', 'active')).pem);
  });

  it('the journal says who did it, and how many it cost', async () => {
    const { body } = await gate.enroll.operator<{ items: JournalRow[] }>('GET', '/journal?limit=1000');
    const row = body.items.find(({ event }) => event.action === 'issuer.retired');
    expect([row?.actor, row?.event]).toEqual([
      'operator:admin',
      { action: 'issuer.retired', subject: retiring.fingerprint, data: { lockedOut: 2 } },
    ]);
  });

  it('to retire it again changes nothing', async () => {
    const before = await journalWithoutLists(gate.enroll);
    const { status, body } = await gate.retire(retiring);
    expect([status, body.issuer.status, body.lockedOut]).toEqual([200, 'retired', 0]);
    expect(await journalWithoutLists(gate.enroll)).toEqual(before);
  });

  it('and a restart brings nothing of it back', async () => {
    await gate.restart();
    await expect(gate.connect(left)).rejects.toMatchObject({ code: 5 });
    expect((await askRenewal(gate.enroll, left)).body.code).toBe('issuer_retired');
    const holder = await enrollHolder(gate.enroll, 'late');
    await (await gate.connect(holder)).endAsync();
    expect(holder.chain).toBe(rotation.issuing.pem);
  });
});
