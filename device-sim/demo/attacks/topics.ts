/** Attacks by a device in good standing on topics that are not its own. */
import type { Session } from '../../contract/mqtt-session.ts';
import { deviceTopics } from '../../device/topics.ts';
import type { Identity } from '../../identity/identity.ts';
import { admission, publication, subscription } from '../outcome.ts';
import type { Attack, AttackContext } from './attack.ts';

const PAYLOAD = 'whether this arrives is the question';

export const topicAttacks: readonly Attack[] = [
  {
    what: 'publish to its own telemetry, to compare',
    expected: 'acknowledged, it arrives',
    attempt: (context) =>
      publishAndWatch(context, ({ attacker }) => deviceTopics(attacker.deviceId).telemetry),
  },
  {
    what: "publish to another's telemetry",
    expected: 'publish_denied, nothing arrives',
    attempt: (context) => publishAndWatch(context, ({ victim }) => deviceTopics(victim.deviceId).telemetry),
  },
  {
    what: "publish to another's commands",
    expected: 'publish_denied, nothing arrives',
    attempt: commandAnother,
  },
  {
    what: 'publish $SYS/x/new/clients with a victim in it',
    expected: 'topic_reserved, victim unharmed',
    attempt: evictBySystemTopic,
  },
  {
    what: 'a service that may only read publishes',
    expected: 'publish_denied, nothing arrives',
    attempt: publishAsService,
  },
  {
    what: 'the will of a device that vanished, to compare',
    expected: 'published',
    attempt: async ({ stage, attacker, backend }) => {
      const topic = `${deviceTopics(attacker.deviceId).telemetry}/will`;
      const session = await stage.connect(attacker, { will: { topic, payload: PAYLOAD, retain: false } });
      session.drop();
      return (await backend.until(() => backend.has(topic, PAYLOAD))) ? 'published' : 'not published';
    },
  },
  {
    what: "a will on another's telemetry",
    expected: 'will_denied',
    attempt: ({ stage, attacker, victim }) => {
      const topic = deviceTopics(victim.deviceId).telemetry;
      const will = { topic, payload: 'boo', retain: false };
      return admission(stage, () => stage.connect(attacker, { will }));
    },
  },
  {
    what: 'subscribe to its own commands, to compare',
    expected: 'granted',
    attempt: (context) => subscribe(context, deviceTopics(context.attacker.deviceId).commands),
  },
  ...['#', 'devices/#', 'devices/+/telemetry'].map(
    (filter): Attack => ({
      what: `subscribe to ${filter}`,
      expected: 'subscribe_denied',
      attempt: (context) => subscribe(context, filter),
    }),
  ),
  ...['$SYS/#', '$share/group/devices/#'].map(
    (filter): Attack => ({
      what: `subscribe to ${filter}`,
      expected: 'topic_reserved',
      attempt: (context) => subscribe(context, filter),
    }),
  ),
  {
    what: "subscribe to another's commands",
    expected: 'subscribe_denied',
    attempt: (context) => subscribe(context, deviceTopics(context.victim.deviceId).commands),
  },
];

async function subscribe({ stage, attacker }: AttackContext, filter: string): Promise<string> {
  const session = await stage.connect(attacker);
  const happened = await subscription(stage, session, filter);
  await session.end();
  return happened;
}

async function publishAndWatch(
  context: AttackContext,
  topicOf: (context: AttackContext) => string,
): Promise<string> {
  const { stage, attacker, backend } = context;
  const topic = topicOf(context);
  const session = await stage.connect(attacker);
  const answer = await publication(stage, session, topic, PAYLOAD);
  await session.end();
  await passMarker(context, attacker);
  return describe(answer, backend.has(topic, PAYLOAD));
}

async function commandAnother(context: AttackContext): Promise<string> {
  const { stage, attacker, victim } = context;
  const topic = `devices/${victim.deviceId}/commands/ping`;
  const victimSession = await stage.connect(victim);
  let arrived = false;
  victimSession.onMessage(() => {
    arrived = true;
  });
  await victimSession.subscribe(deviceTopics(victim.deviceId).commands);
  const session = await stage.connect(attacker);
  const answer = await publication(stage, session, topic, PAYLOAD);
  await session.end();
  await passMarker(context, victim, victimSession);
  await victimSession.end();
  return describe(answer, arrived);
}

/** Aedes tells its nodes of a new client on this topic, and they drop the older one of that name. */
async function evictBySystemTopic(context: AttackContext): Promise<string> {
  const { stage, attacker, victim } = context;
  const victimSession = await stage.connect(victim);
  const session = await stage.connect(attacker);
  const answer = await publication(stage, session, '$SYS/x/new/clients', victim.deviceId);
  await session.end();
  // Where the victim is gone, this fails and with it the row.
  await passMarker(context, victim, victimSession);
  await victimSession.end();
  return `${answer}, victim unharmed`;
}

async function publishAsService(context: AttackContext): Promise<string> {
  const { stage, victim, backend } = context;
  const service = await stage.enroll(stage.newId(), { group: 'services' });
  const topic = deviceTopics(victim.deviceId).telemetry;
  const session = await stage.connect(service);
  const answer = await publication(stage, session, topic, PAYLOAD);
  await session.end();
  await passMarker(context, victim);
  return describe(answer, backend.has(topic, PAYLOAD));
}

function describe(answer: string, arrived: boolean): string {
  return `${answer}, ${arrived ? 'it arrives' : 'nothing arrives'}`;
}

let markers = 0;

/**
 * Sends a lawful message after the unlawful one and waits for it at the service: what was to arrive before it
 * has arrived by then. @throws Failure where the device cannot even do that
 */
async function passMarker(
  { stage, backend }: AttackContext,
  from: Identity,
  through?: Session,
): Promise<void> {
  markers += 1;
  const marker = `marker ${markers}`;
  const { telemetry } = deviceTopics(from.deviceId);
  const session = through ?? (await stage.connect(from));
  await session.publish(telemetry, marker);
  if (through === undefined) await session.end();
  if (!(await backend.until(() => backend.has(telemetry, marker))))
    throw new Error(`${marker} did not arrive`);
}
