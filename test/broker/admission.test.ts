/** Who is let in: each rule of admission with its answer, its count and its line in the log. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseEntityName } from '../../core/ids.ts';
import { createAuthority, DAY } from '../pki/test-authority.ts';
import { type Identity, issueDevice, issueServer, selfSigned } from './authority.ts';
import { Fleet } from './fleet.ts';
import { attempt, connectPacket, RawClient } from './raw-client.ts';
import { insertIssuer } from './world.ts';

/** Who is refused has it to say CONNECT, and two tests wait for its end. */
const REFUSAL_TIME = 1_000;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create({ limits: { refusalTime: REFUSAL_TIME } });
});
afterAll(() => fleet.close());

async function expectRefusal(identity: Identity | null, rule: string, clientId = identity?.id ?? 'dev-1') {
  const before = await fleet.refusals(rule);
  const admitted = await fleet.metric('admitted_total');
  expect(await attempt(fleet, identity, clientId)).toBe(5);
  expect(await fleet.refusals(rule)).toBe(before + 1);
  expect(await fleet.metric('admitted_total')).toBe(admitted);
  const line = await fleet.logged('connection refused', rule);
  expect(line).toMatchObject({ level: 40, address: '127.0.0.1' });
  expect(line.remedy).toEqual(expect.any(String));
  return line;
}

describe('a device in good standing', () => {
  it('is admitted and counted', async () => {
    const identity = await fleet.enroll('good-1');
    const before = await fleet.metric('admitted_total');
    expect(await attempt(fleet, identity, 'good-1')).toBe(0);
    expect(await fleet.metric('admitted_total')).toBe(before + 1);
  });

  it('is admitted when it sends its own certificate without the chain', async () => {
    const identity = await fleet.enroll('good-2');
    const [own = ''] = identity.chain.split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(await attempt(fleet, { ...identity, chain: own }, 'good-2')).toBe(0);
  });
});

describe('a device whose certificate has more names than its ID', () => {
  const names = {
    subject: {
      country: 'DE',
      organization: 'x, CN=good-1',
      organizationalUnit: 'CN=good-1',
      serialNumber: '7',
    },
    subjectAltNames: { uri: ['urn:example:good-1'], dns: ['good-1.example'] },
  };

  it('is admitted by its CN', async () => {
    const identity = await fleet.enroll('named-1', { names });
    expect(await attempt(fleet, identity, 'named-1')).toBe(0);
  });

  it('is not admitted by any other of them', async () => {
    const identity = await fleet.enroll('named-2', { names });
    for (const clientId of ['good-1', '7', 'good-1.example', 'x, CN=good-1']) {
      expect(await attempt(fleet, identity, clientId)).toBe(2);
    }
  });
});

describe('a certificate that did not come from Gatehouse', () => {
  it('is missing: refused', async () => {
    const line = await expectRefusal(null, 'certificate_missing');
    expect(line.device).toBeUndefined();
  });

  it('is self-signed in the name of a device: refused, and named', async () => {
    await fleet.enroll('victim-1');
    const line = await expectRefusal(await selfSigned('victim-1'), 'certificate_untrusted');
    expect(line).toMatchObject({ device: 'victim-1', detail: expect.stringContaining('chain') });
  });

  it('comes from another CA, even one of the same names: refused', async () => {
    await fleet.enroll('victim-2');
    const foreign = await createAuthority({ now: Date.now() });
    const identity = await issueDevice(foreign.issuing, 'victim-2');
    const line = await expectRefusal(identity, 'certificate_untrusted');
    expect(line).toMatchObject({ device: 'victim-2', serialNumber: identity.serialNumber });
  });

  it('is a certificate for servers from the right CA: refused', async () => {
    await expectRefusal(await issueServer(fleet.issuing, 'dev-server'), 'certificate_untrusted');
  });

  it('has its CONNECT not even read', async () => {
    const client = await RawClient.open(fleet, null);
    client.send(Buffer.from('this is not MQTT at all'));
    expect(await client.connack()).toBe(5);
    await client.untilClosed();
  });

  it('is answered after a while though the peer says nothing', async () => {
    const client = await RawClient.open(fleet, await selfSigned('mute'));
    expect(await client.connack()).toBe(5);
    await client.untilClosed();
  });
});

describe('a certificate that the real issuing key signed', () => {
  it('is unknown to the registry: refused', async () => {
    await fleet.enroll('victim-3');
    const stolen = await issueDevice(fleet.issuing, 'victim-3');
    const line = await expectRefusal(stolen, 'certificate_unknown');
    expect(line).toMatchObject({ device: 'victim-3', serialNumber: stolen.serialNumber });
  });

  it('has the serial number of another: refused as a mismatch', async () => {
    const identity = await issueDevice(fleet.issuing, 'twin');
    const other = await issueDevice(fleet.issuing, 'twin');
    await fleet.record({ ...other, serialNumber: identity.serialNumber });
    await expectRefusal(identity, 'certificate_mismatch');
  });

  it('is on record for another device than its CN: refused', async () => {
    await fleet.enroll('owner');
    const identity = await issueDevice(fleet.issuing, 'pretender');
    await fleet.record({ ...identity, id: 'owner' });
    await expectRefusal(identity, 'certificate_mismatch');
    await expectRefusal(identity, 'certificate_mismatch', 'pretender');
  });

  it.each([
    ['superseded', 'certificate_superseded', { revokedAt: 1, reason: 'superseded' }],
    ['suspended', 'certificate_suspended', { revokedAt: 1, reason: 'certificateHold' }],
    ['revoked', 'certificate_revoked', { revokedAt: 1, reason: 'keyCompromise' }],
  ] as const)('is %s: refused', async (status, rule, details) => {
    const identity = await fleet.enroll(`certificate-${status}`, { record: { status, ...details } });
    await expectRefusal(identity, rule);
  });

  it('belongs to a revoked device: refused', async () => {
    const identity = await fleet.enroll('revoked-1');
    await fleet.revoke('revoked-1');
    await expectRefusal(identity, 'device_revoked');
  });

  it('belongs to a suspended device: refused until it is resumed', async () => {
    const identity = await fleet.enroll('suspended-1');
    await fleet.suspend('suspended-1');
    await expectRefusal(identity, 'device_suspended');
    await fleet.resume('suspended-1');
    expect(await attempt(fleet, identity, 'suspended-1')).toBe(0);
  });

  it('has expired by its own word: refused', async () => {
    const identity = await fleet.enroll('expired-1', { now: Date.now() - 2 * DAY, validity: DAY });
    await expectRefusal(identity, 'certificate_expired');
  });

  it('has expired by the record and our clock alone: refused', async () => {
    const identity = await fleet.enroll('expired-2', { record: { notAfter: Date.now() - 1 } });
    await expectRefusal(identity, 'certificate_expired');
  });

  it('is not valid yet by the record: refused', async () => {
    const identity = await fleet.enroll('unborn-1', { record: { notBefore: Date.now() + DAY } });
    await expectRefusal(identity, 'certificate_not_yet_valid');
  });

  it('comes from an issuer that is retired: refused, though the chain verifies', async () => {
    const identity = await fleet.enroll('old-issuer', {
      record: { issuer: await retiredIssuer() },
    });
    await expectRefusal(identity, 'issuer_retired');
  });

  it('is on record as issued by the root: refused', async () => {
    const identity = await fleet.enroll('by-root', {
      record: { issuer: fleet.root.certificate.fingerprint },
    });
    await expectRefusal(identity, 'certificate_untrusted');
  });

  it('has a policy that cannot be read: refused', async () => {
    const name = parseEntityName('broken');
    await fleet.registry.write('system', async (transaction) => {
      await transaction.putPolicy({ name, document: '{"name":"broken","publish":7}', changedAt: Date.now() });
      await transaction.append({ action: 'policy.applied', subject: name, data: { document: '' } });
    });
    await fleet.applyGroup('broken', 'broken');
    await expectRefusal(await fleet.enroll('broken-1', { group: 'broken' }), 'policy_invalid');
  });
});

async function retiredIssuer() {
  const { issuing } = await createAuthority({ now: Date.now() });
  await fleet.registry.write('system', (transaction) =>
    insertIssuer(transaction, issuing, 'issuing', 'retired'),
  );
  return issuing.certificate.fingerprint;
}

describe('the client id', () => {
  let identity: Identity;
  beforeAll(async () => {
    await fleet.enroll('dev10');
    identity = await fleet.enroll('dev1');
  });

  it.each(['dev1', 'dev1/2', 'dev1/Worker_is.fine:yes-0'])('%s is its own', async (id) => {
    expect(await attempt(fleet, identity, id)).toBe(0);
  });

  it.each([
    ['of another device', 'dev10'],
    ['that only begins with its ID', 'dev1x'],
    ['of a session of another device', 'dev10/1'],
    ['in other letters', 'DEV1'],
    ['with an empty suffix', 'dev1/'],
    ['with two suffixes', 'dev1/a/b'],
    ['with a wildcard', 'dev1/+'],
    ['with a control character', 'dev1/a\u0007'],
    ['with a suffix without end', `dev1/${'a'.repeat(65)}`],
    ['with white space', 'dev1 '],
    ['of a prototype', '__proto__'],
    ['that is empty', ''],
  ])('%s is refused', async (_, id) => {
    const before = await fleet.refusals('client_id_mismatch');
    expect(await attempt(fleet, identity, id)).toBe(2);
    expect(await fleet.refusals('client_id_mismatch')).toBe(before + 1);
    expect(await fleet.logged('connection refused', 'client_id_mismatch')).toMatchObject({ clientId: id });
  });

  it('beyond the number of sessions of one device is refused', async () => {
    const limited = await Fleet.create({ limits: { sessionsPerDevice: 2 } });
    try {
      const device = await limited.enroll('many');
      const first = await limited.connect(device, { clientId: 'many/1', clean: false });
      await first.endAsync(); // stored, and still one of its sessions
      await limited.connect(device, { clientId: 'many/2' });
      expect(await attempt(limited, device, 'many/3')).toBe(2);
      expect(await limited.refusals('session_limit')).toBe(1);
      expect(await attempt(limited, device, 'many/1')).toBe(0);
    } finally {
      await limited.close();
    }
  });
});

describe('user name and password', () => {
  it('are no way in', async () => {
    const client = await RawClient.open(fleet, null);
    client.send(connectPacket('good-1', { username: 'good-1', password: Buffer.from('secret') }));
    expect(await client.connack()).toBe(5);
  });
});
