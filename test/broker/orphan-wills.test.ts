/** Wills that another broker left behind: judged by what their owner may do, and asked about only once. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Aedes, type AedesPublishPacket } from 'aedes';
import { pino } from 'pino';
import { Registry as MetricsRegistry } from 'prom-client';
import { PolicyCache } from '../../broker/admission/policy-cache.ts';
import { OrphanWills } from '../../broker/authorization/orphan-wills.ts';
import { defaultLimits } from '../../broker/limits.ts';
import { createBrokerMetrics } from '../../broker/metrics.ts';
import type { GuardedStore } from '../../broker/persistence/guarded-store.ts';
import { type DeviceId, parseEntityName } from '../../core/ids.ts';
import { defaultPolicies } from '../../core/policy/policy.ts';
import type { DeviceRecord, DeviceStatus } from '../../registry/records.ts';
import { createStore, refusals } from './samples.ts';

const group = parseEntityName('default');
const policy = parseEntityName('device');
let store: GuardedStore;
let wills: OrphanWills;
let reachable: boolean;

const statuses: Readonly<Record<string, DeviceStatus>> = {
  'dev-1': 'active',
  back: 'active',
  gone: 'revoked',
  paused: 'suspended',
};

/** The row of their last revocation. */
const revokedSeqs: Readonly<Record<string, number>> = { back: 7 };

async function device(id: DeviceId): Promise<DeviceRecord | undefined> {
  if (!reachable) throw new Error('the disk is gone');
  const status = statuses[id];
  return status && { id, group, status, attributes: {}, createdAt: 0, changedAt: 0 };
}

beforeEach(async () => {
  reachable = true;
  store = createStore();
  await store.setup(new Aedes());
  const document = JSON.stringify(defaultPolicies.find(({ name }) => name === 'device'));
  wills = new OrphanWills({
    registry: {
      device,
      revokedSeq: async (id) => revokedSeqs[id],
      group: async () => ({
        name: group,
        description: '',
        profile: policy,
        policy,
        renewalGrace: 0,
        approval: 'none',
      }),
      policy: async () => ({ name: policy, document, changedAt: 0 }),
    },
    policies: new PolicyCache(),
    refusals,
    store,
    metrics: createBrokerMetrics(new MetricsRegistry()),
    log: pino({ level: 'silent' }),
  });
});

async function leave(clientId: string, topic: string): Promise<AedesPublishPacket> {
  const message = { topic, payload: Buffer.from('gone'), qos: 1, dup: false, retain: false } as const;
  const will = { cmd: 'publish', ...message, brokerId: 'another', brokerCounter: 1, clientId } as const;
  await store.putWill({ id: clientId }, will);
  return will;
}

describe('a will that another broker left', () => {
  it.each(['dev-1', 'dev-1/session'])(
    'of %s is published where its device may publish it',
    async (clientId) => {
      await wills.decide(await leave(clientId, 'devices/dev-1/status'));
      expect(await store.getWill({ id: clientId })).toBeDefined();
    },
  );

  it.each([
    ['on a topic of another', 'dev-1', 'devices/dev-2/status', 'publish_denied'],
    ['on a topic of $SYS', 'dev-1', '$SYS/x/new/clients', 'topic_reserved'],
    ['of a revoked device', 'gone', 'devices/gone/status', 'device_revoked'],
    ['of a device that was revoked and is back', 'back', 'devices/back/status', 'device_revoked'],
    ['of a suspended device', 'paused/1', 'devices/paused/status', 'device_suspended'],
    ['of nobody', 'nobody', 'devices/nobody/status', 'device_unknown'],
    ['of no device', '', 'devices/dev-1/status', 'device_unknown'],
  ])('%s is refused and forgotten', async (_, clientId, topic, code) => {
    await expect(wills.decide(await leave(clientId, topic))).rejects.toMatchObject({ code });
    expect(await store.getWill({ id: clientId })).toBeUndefined();
  });

  it('of a device that left it after it had come back is published', async () => {
    store.database.revocations.noteApplied({ seq: 7, hash: '' });
    await wills.decide(await leave('back', 'devices/back/status'));
  });

  it('that is to be retained and for which there is no room is refused and forgotten', async () => {
    const { retainedMessages } = defaultLimits;
    const payload = Buffer.from('x');
    for (let index = 0; index < retainedMessages; index += 1) {
      const topic = `devices/dev-1/telemetry/${index}`;
      const message = { topic, payload, qos: 0, dup: false, retain: true } as const;
      store.retained.store('dev-1', { cmd: 'publish', ...message, brokerId: '', brokerCounter: 0 });
    }
    const will = { ...(await leave('dev-1', 'devices/dev-1/status')), retain: true };
    await expect(wills.decide(will)).rejects.toMatchObject({ code: 'retained_limit' });
    expect(await store.getWill({ id: 'dev-1' })).toBeUndefined();
  });

  it('is kept for another time where the registry cannot be asked', async () => {
    const will = await leave('dev-1', 'devices/dev-1/status');
    reachable = false;
    await expect(wills.decide(will)).rejects.toThrow('the disk is gone');
    expect(await store.getWill({ id: 'dev-1' })).toBeDefined();
  });
});
