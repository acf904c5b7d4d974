/** The review of stored subscriptions, where registries fail and changes come one upon the other. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { PolicyCache } from '../../broker/admission/policy-cache.ts';
import { Denials } from '../../broker/authorization/denials.ts';
import { StoredSubscriptions } from '../../broker/authorization/stored-subscriptions.ts';
import { createBrokerMetrics } from '../../broker/metrics.ts';
import type { GuardedStore } from '../../broker/persistence/guarded-store.ts';
import { DurableSessions } from '../../broker/sessions/durable-sessions.ts';
import { LiveTable } from '../../broker/sessions/live-table.ts';
import { type DeviceId, type EntityName, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { DeviceRecord, GroupRecord } from '../../registry/records.ts';
import { eventually } from '../support/eventually.ts';
import { connectionOf, createStore, log, refusals, standingOf } from './samples.ts';

const dev1 = parseDeviceId('dev1');
const groupA = parseEntityName('a');
const groupB = parseEntityName('b');

let store: GuardedStore;
let durable: DurableSessions;
let live: LiveTable;
let review: StoredSubscriptions;
/** What a group's policy grants, and who is in another group than `a`. */
let granted: Record<string, string[]>;
let groups: Map<DeviceId, EntityName>;
let onDevice: (id: DeviceId) => Promise<void> | void;
let filed: string[];

beforeEach(() => {
  store = createStore();
  durable = new DurableSessions({ store });
  live = new LiveTable();
  granted = { a: ['old/#', 'new/#'], b: ['old/#', 'new/#'] };
  groups = new Map();
  onDevice = () => {};
  filed = [];
  const groupOf = (name: EntityName): GroupRecord => ({
    ...{ name, description: '', profile: name, policy: name, renewalGrace: 0, approval: 'none' },
  });
  review = new StoredSubscriptions({
    registry: {
      async device(id): Promise<DeviceRecord> {
        await onDevice(id);
        const group = groups.get(id) ?? groupA;
        return { id, group, status: 'active', attributes: {}, createdAt: 0, changedAt: 0 };
      },
      group: async (name) => groupOf(name),
      groups: async () => [groupOf(groupA), groupOf(groupB)],
      policy: async (name) => ({
        name,
        document: JSON.stringify({ name, subscribe: granted[name] }),
        changedAt: 0,
      }),
    },
    policies: new PolicyCache(),
    denials: new Denials({
      refusals: {
        ...refusals,
        ofOwner: (device, clientId, { rule, topic }) =>
          void filed.push(`${device} ${clientId} ${rule} ${topic}`),
      },
      metrics: createBrokerMetrics(new Registry()),
      log,
    }),
    ...{ live, durable, store, log },
  });
});

async function keep(clientId: string, device = clientId): Promise<void> {
  durable.keep(parseDeviceId(device), clientId);
  await store.addSubscriptions({ id: clientId }, [
    { topic: 'old/x', qos: 1 },
    { topic: 'new/x', qos: 1 },
  ]);
}

const filtersOf = (clientId: string) => [
  ...(store.database.sessions.get(clientId)?.subscriptions.keys() ?? []),
];

describe('stored subscriptions', () => {
  it('end in every session of the device, and of no other', async () => {
    for (const clientId of ['dev1', 'dev1/b', 'dev10']) await keep(clientId, clientId.split('/')[0]);
    granted.a = ['new/#'];
    review.device(dev1);
    await eventually(() => filtersOf('dev1/b').length === 1);
    expect(filtersOf('dev1')).toEqual(['new/x']);
    expect(filtersOf('dev10')).toEqual(['old/x', 'new/x']);
    expect(filed).toEqual(['dev1 dev1 subscribe_denied old/x', 'dev1 dev1/b subscribe_denied old/x']);
  });

  it('end for all groups that have the policy, and for no others', async () => {
    groups.set(parseDeviceId('dev2'), groupB);
    await keep('dev1');
    await keep('dev2');
    granted = { a: ['new/#'], b: ['new/#'] };
    let seenLast = false;
    onDevice = (id) => {
      seenLast = id !== dev1;
    };
    await review.policy(groupA);
    await eventually(() => seenLast);
    expect(filtersOf('dev1')).toEqual(['new/x']);
    expect(filtersOf('dev2')).toEqual(['old/x', 'new/x']);
    await review.policy(groupB);
    await eventually(() => filtersOf('dev2').length === 1);
  });

  it.each(['the device', 'its group'])(
    'are reviewed in the end where the registry fails for %s',
    async (of) => {
      await keep('dev1');
      granted.a = ['new/#'];
      let failures = 0;
      onDevice = () => {
        if (++failures <= 2) throw new Error('busy');
      };
      if (of === 'the device') review.device(dev1);
      else review.group(groupA);
      await eventually(() => filtersOf('dev1').length === 1);
      expect(failures).toBe(3);
    },
  );

  it.each(['the device', 'its group'])('are reviewed again where %s changes meanwhile', async (what) => {
    await keep('dev1');
    await keep('dev2');
    let hasChanged = false;
    onDevice = (id) => {
      if (id === dev1 || hasChanged) return;
      hasChanged = true; // while dev2 is reviewed: dev1 has been
      granted.a = ['new/#'];
      if (what === 'the device') review.device(dev1);
      else review.group(groupA);
    };
    review.group(groupA);
    await eventually(() => filtersOf('dev1').length === 1);
    expect(filtersOf('dev1')).toEqual(['new/x']);
  });

  it('of a session that is connected go by what it is granted now', async () => {
    await keep('dev1');
    const connection = connectionOf('dev1');
    connection.clientId = 'dev1';
    connection.standing = standingOf('dev1', { subscribe: ['old/#', 'new/#'] });
    live.add(connection);
    granted.a = [];
    const record = { id: dev1, group: groupA, status: 'active', attributes: {}, createdAt: 0, changedAt: 0 };
    expect(await review.endDenied({ ...record, status: 'active' })).toBe(0);
    connection.socket.destroy();
    await connection.gone;
    expect(await review.endDenied({ ...record, status: 'active' })).toBe(2);
  });

  it('of many devices let others have their turn', async () => {
    for (let number = 0; number < 300; number++) await keep(`many-${number}`);
    granted.a = ['new/#'];
    let isOver = false;
    let turns = 0;
    const turn = () => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    onDevice = () => {
      const until = performance.now() + 0.2;
      while (performance.now() < until); // 60 ms in all
    };
    setImmediate(turn);
    review.group(groupA);
    await eventually(() => filtersOf('many-299').length === 1);
    isOver = true;
    expect(turns).toBeGreaterThan(8);
  });

  it('are asked about for devices that have some, and for no others', async () => {
    await keep('dev1');
    const asked: string[] = [];
    onDevice = (id) => void asked.push(id);
    review.device(parseDeviceId('dev2'));
    review.device(dev1);
    await eventually(() => asked.length > 0);
    expect(asked).toEqual(['dev1']);
  });

  it('are left alone once the broker ends', async () => {
    await keep('dev1');
    granted.a = [];
    review.close();
    review.device(dev1);
    review.group(groupA);
    await new Promise((resolve) => setImmediate(resolve));
    expect(filtersOf('dev1')).toEqual(['old/x', 'new/x']);
  });
});
