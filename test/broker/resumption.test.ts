/** A resumed TLS session skips the certificate exchange: the registry is asked all the same. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { connectPacket, RawClient, type RawOptions } from './raw-client.ts';

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
  const id = `resumer-${version}`;

  async function ticketOf(identity: Identity | null): Promise<Buffer> {
    const { client } = await connect(identity, id, { version });
    const session = await client.ticket();
    client.socket.destroy();
    await client.untilClosed();
    return session;
  }

  it('is admitted for as long as the device may be, and refused from its revocation on', async () => {
    const identity = await fleet.enroll(id);
    const session = await ticketOf(identity);

    // Without a certificate of its own in this handshake: what the session remembers has to do.
    const before = await connect(null, id, { version, session });
    expect(before.client.resumed).toBe(true);
    expect(before.answer).toBe(0);
    await before.client.end();

    await fleet.revoke(id);
    const after = await connect(null, id, { version, session });
    expect(after.client.resumed).toBe(true);
    expect(after.answer).toBe(5);
    await fleet.logged('connection refused', 'device_revoked');
  });

  it('that never had a certificate stays without one', async () => {
    const session = await ticketOf(null);
    const before = await fleet.refusals('certificate_missing');
    const { client, answer } = await connect(null, id, { version, session });
    expect(client.resumed).toBe(true);
    expect(answer).toBe(5);
    expect(await fleet.refusals('certificate_missing')).toBe(before + 1);
  });
});
