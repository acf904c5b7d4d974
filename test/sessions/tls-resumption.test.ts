/** TLS sessions over a restart of the process with another command line, by which Node would tell its own sessions. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Fleet } from '../broker/fleet.ts';
import { connectPacket, RawClient } from '../broker/raw-client.ts';
import { BrokerProcess } from './broker-process.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create({ start: false });
});
afterAll(() => fleet.close());

it.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'are resumed in %s, and admit nobody who was revoked',
  async (version) => {
    const id = `dev-${version}`;
    const identity = await fleet.enroll(id);
    const visit = async (broker: BrokerProcess, session?: Buffer) => {
      const options = { version, ...(session && { session }) };
      const to = { port: broker.port, ca: fleet.ca };
      const client = await RawClient.open(to, session ? null : identity, options);
      client.send(connectPacket(id));
      const answer = await client.connack();
      const { resumed } = client;
      const ticket = session ?? (await client.ticket());
      client.socket.destroy();
      return { resumed, answer, ticket };
    };
    const one = new BrokerProcess(fleet, '--log-level', 'warn');
    const other = new BrokerProcess(fleet, '--log-level', 'error', '--durability', 'os');
    try {
      await one.start();
      const { ticket } = await visit(one);
      await one.kill();
      await other.start();
      expect(await visit(other, ticket)).toMatchObject({ resumed: true, answer: 0 });
      await fleet.revoke(id);
      expect(await visit(other, ticket)).toMatchObject({ resumed: true, answer: 5 });
    } finally {
      await one.kill();
      await other.kill();
    }
  },
);
