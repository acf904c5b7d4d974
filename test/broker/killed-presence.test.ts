/** A broker that is killed leaves nobody online: neither in the registry nor, in its next run, by its topics. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import type { DeviceDetail } from '../../core/api/devices.ts';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { type BrokerProcess, killProcess, startBrokerProcess } from '../support/role-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Inbox } from './inbox.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let broker: BrokerProcess;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  broker = await startBrokerProcess(service.settings.data);
});
afterAll(async () => {
  await killBroker();
  await service.close();
});

const killBroker = () => killProcess(broker.child);

const connect = ({ deviceId, key, cert }: Holder): Promise<MqttClient> =>
  connectAsync(broker.mqttUrl, { clientId: deviceId, key, cert, ca: service.ca, reconnectPeriod: 0 }, false);

const presenceOf = async ({ deviceId }: Holder) =>
  (await service.operator<DeviceDetail>('GET', `/devices/${deviceId}`)).body.presence;

it('is told by the registry and by the topics alike', async () => {
  const policy = { name: 'watcher', subscribe: ['$presence/#'], publish: ['devices/{id}/#'] };
  await service.operator('PUT', '/policies/watcher', policy);
  await service.operator('PUT', '/groups/watchers', { policy: 'watcher', profile: 'device' });
  const device = await enrollHolder(service, 'pump-1');
  const watcher = await enrollHolder(service, 'watcher', { group: 'watchers' });

  const lost = await connect(device);
  lost.on('error', () => {});
  await eventually(async () => (await presenceOf(device))?.status === 'online');
  await killBroker();
  lost.end(true);
  broker = await startBrokerProcess(service.settings.data);

  const offline = await eventually(async () => {
    const seen = await presenceOf(device);
    return seen?.status === 'offline' && seen;
  });
  expect(offline.reason).toBe('broker_ended');
  const watching = await connect(watcher);
  const inbox = new Inbox(watching);
  await watching.subscribeAsync('$presence/pump-1');
  const [told] = await eventually(() => inbox.messages.length > 0 && inbox.messages);
  expect(told).toMatchObject({ retain: true, topic: '$presence/pump-1' });
  expect(JSON.parse(told?.payload ?? '')).toMatchObject({ status: 'offline', reason: 'broker_ended' });
  await watching.endAsync();
});
