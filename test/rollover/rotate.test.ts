/** A new issuing CA beside the old one, while everything runs: nobody notices, and everybody moves. */
import { renameSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import type { CertificateView } from '../../core/api/certificates.ts';
import type { CaRotation } from '../../core/api/issuers.ts';
import type { Problem } from '../../core/api/problem.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { certificateOf, enrollHolder, type Holder, renewed, untilStatus } from '../enrollment/renewing.ts';
import { certificatesIn } from '../est/certificates-in.ts';
import { callEst, csrText } from '../est/est-client.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Gate } from './gate.ts';

const folder = temporaryFolder();
let gate: Gate;
let old: Holder;
/** Enrolled before the rotation. */
let renewing: Holder;
let reEnrolling: Holder;
let moving: Holder;
let client: MqttClient;
let closed = false;
let tickets: ReadonlyMap<string, Buffer | undefined>;
let servedBefore: string;
let rotation: CaRotation;
beforeAll(async () => {
  gate = await Gate.open(folder);
  const enrolled = (id: string) => enrollHolder(gate.enroll, id);
  old = await enrolled('old');
  [renewing, reEnrolling, moving] = [
    await enrolled('renewing'),
    await enrolled('re-enrolling'),
    await enrolled('moving'),
  ];
  const visited = await Promise.all(
    (['TLSv1.2', 'TLSv1.3'] as const).map(async (version) => {
      const { ticket, socket } = await gate.visit(old, { version });
      socket.destroy();
      return [version, ticket] as const;
    }),
  );
  tickets = new Map(visited);
  servedBefore = await gate.served(gate.port);
  client = await gate.connect(await enrolled('connected'));
  client.once('close', () => {
    closed = true;
  });
  rotation = await gate.rotate();
});
afterAll(() => gate.close());

const issuerOf = async (holder: Holder) => (await certificateOf(gate.enroll, holder)).issuer;

describe('after a rotation', () => {
  it('one issuing CA is active, the one before is retiring, and the root stays', async () => {
    expect(rotation.root).toBeNull();
    const issuers = await gate.issuers();
    expect(issuers.map(({ kind, status, subject }) => [kind, status, subject])).toEqual([
      ['root', 'active', 'CN=Gatehouse Root CA'],
      ['issuing', 'retiring', 'CN=Gatehouse Issuing CA'],
      ['issuing', 'active', 'CN=Gatehouse Issuing CA 2'],
    ]);
    expect(issuers[2]?.fingerprint).toBe(rotation.issuing.fingerprint);
  });

  it('who is connected stays so, and is served', async () => {
    await client.publishAsync('devices/connected/telemetry', '1', { qos: 1 });
    expect(closed).toBe(false);
  });

  it('the listeners have certificates of the new CA, without a restart', async () => {
    for (const port of [gate.port, Number(new URL(gate.enroll.enrollUrl).port)]) {
      const serial = await eventually(async () => {
        const now = await gate.served(port);
        return now === servedBefore ? undefined : now;
      });
      const { body } = await gate.enroll.operator<CertificateView>('GET', `/certificates/${serial}`);
      if (port === gate.port) expect(body.issuer).toBe(rotation.issuing.fingerprint);
    }
  });

  it('new devices get certificates of the new CA, and are admitted, with its certificate sent along or not', async () => {
    const holder = await enrollHolder(gate.enroll, 'new');
    expect(await issuerOf(holder)).toBe(rotation.issuing.fingerprint);
    expect(holder.chain).toBe(rotation.issuing.pem);
    for (const cert of [holder.cert, holder.certificate]) {
      const session = await gate.connect({ ...holder, cert });
      await session.endAsync();
    }
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('a session of %s from before is resumed', async (version) => {
    const { connack, resumed, socket } = await gate.visit(old, { version, session: tickets.get(version) });
    socket.destroy();
    expect([connack, resumed]).toEqual([0, true]);
  });

  it('a device of the old CA renews onto the new one by POST /v1/renew', async () => {
    const next = await renewed(gate.enroll, renewing, { privateKey: await generatePrivateKey() });
    expect(await issuerOf(next)).toBe(rotation.issuing.fingerprint);
    await (await gate.connect(next)).endAsync();
    await untilStatus(gate.enroll, renewing, 'superseded');
  });

  it('and by EST', async () => {
    const { deviceId: commonName, privateKey, key, cert } = reEnrolling;
    const { status, body } = await callEst(gate.enroll, {
      path: '/simplereenroll',
      body: csrText({ commonName, privateKey }),
      tls: { key, cert },
    });
    expect(status).toBe(200);
    const [leaf] = certificatesIn(body);
    expect(leaf?.issuer).toBe('CN=Gatehouse Issuing CA 2');
  });

  it('cacerts has the root and both issuing CAs', async () => {
    const { body } = await callEst(gate.enroll, { path: '/cacerts' });
    expect(
      certificatesIn(body)
        .map(({ subject }) => subject)
        .toSorted(),
    ).toEqual(['CN=Gatehouse Issuing CA', 'CN=Gatehouse Issuing CA 2', 'CN=Gatehouse Root CA']);
  });

  it('the status tells how far it is, and moves with the devices', async () => {
    const before = await gate.status();
    const next = await renewed(gate.enroll, moving);
    expect((await gate.status()).moved).toBe(before.moved);
    await (await gate.connect(next)).endAsync();
    await untilStatus(gate.enroll, moving, 'superseded');
    const { devices, moved, issuers } = await gate.status();
    expect([devices, moved]).toEqual([before.devices, before.moved + 1]);
    expect(issuers.map((one) => one.devices)).toEqual([null, devices - moved, moved]);
  });

  it('everything is as it was after a restart', async () => {
    // On other ports, and so with other addresses in the CRLs.
    const status = async () => {
      const { issuers, ...fleet } = await gate.status();
      return { ...fleet, issuers: issuers.map(({ crls, ...issuer }) => ({ ...issuer, lists: crls.length })) };
    };
    const before = await status();
    await gate.restart();
    expect(await status()).toEqual(before);
    const holder = await enrollHolder(gate.enroll, 'after-restart');
    expect(await issuerOf(holder)).toBe(rotation.issuing.fingerprint);
    for (const one of [old, holder]) await (await gate.connect(one)).endAsync();
  });
});

describe('a rotation', () => {
  it('is refused where the key of the root is not there, and changes nothing', async () => {
    const { layout } = gate.enroll;
    const root = await gate.issuer('root', 'active');
    const [key, safe] = [layout.ca.rootKey(root.fingerprint), `${folder}/safe.pem`];
    const before = await gate.issuers();
    renameSync(key, safe);
    const { status, body } = await gate.enroll.operator<Problem>('POST', '/issuers/rotate', {});
    renameSync(safe, key);
    expect([status, body.code]).toEqual([409, 'ca_key_missing']);
    expect(body.detail).toContain(key);
    expect(await gate.issuers()).toEqual(before);
  });

  it('is refused while another is under way', async () => {
    const answers = await Promise.all(
      [1, 2].map(() => gate.enroll.operator<Problem>('POST', '/issuers/rotate', {})),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('ca_busy');
  });

  it.each(['viewer', 'operator'])('is not for a %s', async (role) => {
    const { body: created } = await gate.enroll.operator<{ token: string }>('POST', '/operators', {
      name: `a-${role}`,
      role,
    });
    const call = (path: string) => gate.enroll.operator<Problem>('POST', path, {}, created.token);
    const { fingerprint } = await gate.issuer('issuing', 'retiring');
    for (const path of ['/issuers/rotate', `/issuers/${fingerprint}/retire`]) {
      const { status, body } = await call(path);
      expect([status, body.code]).toEqual([403, 'operator_role_insufficient']);
    }
  });
});
