/** A resumed TLS session skips the certificate exchange: the registry is asked all the same. */
import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { eventually } from '../support/eventually.ts';
import { type Identity, issueDevice } from './authority.ts';
import { Fleet } from './fleet.ts';
import { connectPacket, RawClient, type RawOptions } from './raw-client.ts';
import { insertIssuer } from './world.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create();
});
afterAll(() => fleet.close());

async function connect(identity: Identity | null, clientId: string, options: RawOptions) {
  const client = await RawClient.open(fleet, identity, options);
  client.send(connectPacket(clientId));
  const answer = await client.connack();
  return { client, answer };
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a resumed session of %s', (version) => {
  const idOf = (purpose: string) => `${purpose}-${version}`;

  async function ticketOf(identity: Identity | null, id: string): Promise<Buffer> {
    const { client } = await connect(identity, id, { version });
    const session = await client.ticket();
    client.socket.destroy();
    await client.untilClosed();
    return session;
  }

  /** Without a certificate of its own in this handshake: what the session remembers has to do. */
  async function resume(id: string, session: Buffer): Promise<number | 'closed'> {
    const { client, answer } = await connect(null, id, { version, session });
    expect(client.resumed).toBe(true);
    await client.end();
    return answer;
  }

  it('is admitted for as long as the device may be, and refused from its revocation on', async () => {
    const id = idOf('resumer');
    const session = await ticketOf(await fleet.enroll(id), id);
    expect(await resume(id, session)).toBe(0);

    await fleet.revoke(id);
    expect(await resume(id, session)).toBe(5);
    await fleet.logged('connection refused', 'device_revoked');
  });

  it('is resumed after a restart, and after a reload; whoever was revoked stays out', async () => {
    const ids = ['stays', 'goes', 'went'].map(idOf);
    const sessions = new Map<string, Buffer>();
    for (const id of ids) sessions.set(id, await ticketOf(await fleet.enroll(id), id));
    const [stays = '', goes = '', went = ''] = ids;
    const resumeWithOld = (id: string) => resume(id, sessions.get(id) ?? Buffer.alloc(0));

    await fleet.revoke(went);
    await fleet.stopBroker();
    await fleet.startBroker();
    expect(await resumeWithOld(stays)).toBe(0);
    expect(await resumeWithOld(went)).toBe(5);
    await fleet.revoke(goes);
    expect(await resumeWithOld(goes)).toBe(5);

    const reloads = () => fleet.log.filter(({ msg }) => msg.includes('were reloaded')).length;
    const before = reloads();
    await fleet.renewServerCertificate();
    await eventually(() => reloads() > before);
    expect(await resumeWithOld(stays)).toBe(0);
    expect(await resumeWithOld(goes)).toBe(5);
  });

  it("in a thief's hands ends, live and for good, when the device uses its next certificate", async () => {
    const id = idOf('robbed');
    const old = await fleet.enroll(id);
    const session = await ticketOf(old, id);
    const thief = await connect(null, `${id}/thief`, { version, session });
    expect([thief.answer, thief.client.resumed]).toEqual([0, true]);
    const next = await issueDevice(fleet.issuing, id);
    await fleet.record(next, { record: { renews: old.serialNumber } });
    await fleet.registry.write('system', async (transaction) => {
      await transaction.setCertificateStatus([old.serialNumber], 'superseded', Date.now());
      await transaction.append({
        action: 'certificate.superseded',
        subject: parseDeviceId(id),
        data: { serialNumbers: [old.serialNumber], by: next.serialNumber },
      });
    });
    await thief.client.untilClosed();
    expect(await resume(`${id}/thief`, session)).toBe(5);
    await fleet.logged('connection refused', 'certificate_superseded');
    expect((await connect(next, id, { version })).answer).toBe(0);
  });

  it('ends with the certificate, which TLS does not look at again', async () => {
    const { id, session, notAfter } = await resumeBriefly(2_000);
    await eventually(() => Date.now() > notAfter);
    expect(await resume(id, session)).toBe(5);
    await fleet.logged('connection refused', 'certificate_expired');
  });

  /** With a certificate that has `left` ms to live, or more where this machine does not connect twice within that. */
  async function resumeBriefly(left: number) {
    const id = idOf(`brief-${left}`);
    const validity = 60_000;
    const brief = await fleet.enroll(id, { now: Date.now() - validity + left, validity });
    const { notAfter } = brief;
    const session = await ticketOf(brief, id);
    const answer = await resume(id, session);
    if (answer !== 0 && Date.now() > notAfter) return resumeBriefly(left * 4);
    expect(answer).toBe(0);
    return { id, session, notAfter };
  }

  it('ends when its issuer is retired', async () => {
    const id = idOf('orphan');
    const { issuing } = await createAuthority({ now: Date.now() });
    const { fingerprint } = issuing.certificate;
    const orphan = await issueDevice(issuing, id);
    // What its first handshake found, a chain that leads nowhere, must not stick to the session.
    const early = await ticketOf(orphan, id);
    expect(await resume(id, early)).toBe(5);
    await fleet.registry.write('system', (transaction) =>
      insertIssuer(transaction, issuing, 'issuing', 'retiring'),
    );
    await fleet.record(orphan, { record: { issuer: fingerprint } });
    await eventually(async () => (await resume(id, early)) === 0);
    await fleet.registry.write('system', async (transaction) => {
      await transaction.setIssuerStatus(fingerprint, 'retired', Date.now());
      await transaction.append({ action: 'issuer.retired', subject: fingerprint, data: { lockedOut: 1 } });
    });
    expect(await resume(id, early)).toBe(5);
    await fleet.logged('connection refused', 'issuer_retired');
  });

  it('that never had a certificate stays without one', async () => {
    const id = idOf('nobody');
    const session = await ticketOf(null, id);
    const before = await fleet.refusals('certificate_missing');
    expect(await resume(id, session)).toBe(5);
    expect(await fleet.refusals('certificate_missing')).toBe(before + 1);
  });

  it('of a certificate that never was ours is refused', async () => {
    const id = idOf('stranger');
    await fleet.enroll(id);
    const { issuing } = await createAuthority({ now: Date.now() });
    const session = await ticketOf(await issueDevice(issuing, id), id);
    expect(await resume(id, session)).toBe(5);
    await fleet.logged('connection refused', 'certificate_unknown');
  });
});

describe('a ticket of TLS 1.3, which is good once', () => {
  it('is followed by another each time it is used', async () => {
    const identity = await fleet.enroll('frequent');
    const options = { version: 'TLSv1.3' } as const;
    const { client: first } = await connect(identity, 'frequent', options);
    let session = await first.ticket();
    await first.end();
    for (let time = 0; time < 3; time++) {
      const { client, answer } = await connect(null, 'frequent', { ...options, session });
      expect([answer, client.resumed]).toEqual([0, true]);
      session = await client.ticket();
      await client.end();
    }
  });
});

describe('the ticket keys', () => {
  it('are readable by the broker alone', () => {
    expect(statSync(fleet.layout.ticketKeys).mode & 0o777).toBe(0o600);
  });
});
