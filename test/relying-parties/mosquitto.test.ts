/** What the document says of Mosquitto beside its refusals: whose topics are whose, and what becomes of live sessions. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createRelyingParty, type RelyingParty, revoke } from './relying-party.ts';
import { servers } from './servers.ts';

const { Mosquitto } = servers;

describeWith(['bash', 'openssl', 'curl', ...Mosquitto.programs], 'Mosquitto', () => {
  const folder = temporaryFolder();
  const clients = new Map<string, MqttClient>();
  const received: string[] = [];
  let service: TestEnroll;
  let party: RelyingParty;
  let pump: Holder;
  beforeAll(async () => {
    service = await startTestEnroll(folder);
    party = await createRelyingParty(join(folder, 'party'), service);
    party.install('refresh-crls.sh');
    await party.shell('sh refresh-crls.sh');
    await Mosquitto.start(party);
    pump = await enrollHolder(service, 'pump-7');
    await connected(await enrollHolder(service, 'control-room'), 'devices/+/telemetry/#');
    await connected(pump, 'devices/pump-7/commands/#');
  });
  afterAll(async () => {
    for (const client of clients.values()) await client.endAsync(true);
    await party.close();
    await service.close();
  });

  async function connected(device: Holder, filter: string): Promise<void> {
    party.keep(device);
    const { cert, key, deviceId: clientId } = device;
    const ca = readFileSync(join(party.folder, 'server.pem'));
    const tls = { ca, cert, key, host: 'localhost', port: party.port, protocol: 'mqtts' } as const;
    const client = await connectAsync({ ...tls, clientId, reconnectPeriod: 0 });
    clients.set(clientId, client);
    client.on('message', (topic) => received.push(topic));
    await client.subscribeAsync(filter, { qos: 1 });
  }
  const publish = (id: string, topic: string) => clients.get(id)?.publishAsync(topic, 'x', { qos: 1 });

  it('knows a device by its CN, and lets it write to its own topics alone', async () => {
    await publish('pump-7', 'devices/press-8/telemetry/heat');
    await publish('pump-7', 'devices/pump-7/telemetry/heat');
    await eventually(() => received.length > 0);
    expect(received.splice(0)).toEqual(['devices/pump-7/telemetry/heat']);
  });

  it('keeps a live session of a device that is revoked, until it ends', async () => {
    await revoke(service, pump);
    await party.shell('sh refresh-crls.sh systemctl reload mosquitto');
    await eventually(async () => !(await Mosquitto.admits(party, 'pump-7')));
    const command = 'devices/pump-7/commands/heat';
    await publish('control-room', command);
    // Attempts to get in that came before Mosquitto had read the list were told to the control room, too.
    await eventually(() => received.includes(command));
    expect(received.filter((topic) => topic === command)).toHaveLength(1);
  });
});
