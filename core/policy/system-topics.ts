/**
 * The topics that the broker itself serves: the presence of each device, and figures of the broker. They begin with `$`,
 * so no wildcard reaches them [MQTT-4.7.2-1]; nobody may publish there, and to subscribe takes a policy that names them.
 */
import type { DeviceId, TopicFilter, TopicName } from '../ids.ts';
import { matches, parseTopicName } from './topic.ts';

const PRESENCE = '$presence/';
const FIGURES = '$SYS/';
const TREES = [PRESENCE, FIGURES] as const;

/** Whether a topic, filter or pattern lies in a tree that the broker serves: its first level says so, letter by letter. */
export function isSystemTopic(text: string): boolean {
  return TREES.some((tree) => text.startsWith(tree));
}

export function inSameSystemTree(one: string, other: string): boolean {
  return TREES.some((tree) => one.startsWith(tree) && other.startsWith(tree));
}

/** Where the presence of a device is told. */
export function presenceTopic(device: DeviceId): TopicName {
  return parseTopicName(`${PRESENCE}${device}`);
}

/** Whose presence a filter asks for: a device's, everybody's (`+`), or nobody's (undefined). */
export function presenceDeviceIn(filter: TopicFilter): string | undefined {
  if (!filter.startsWith(PRESENCE)) return undefined;
  const [, name = ''] = filter.split('/');
  const isEverybody = name === '+' || name === '#';
  const topic = `${PRESENCE}${isEverybody ? 'x' : name}` as TopicName;
  if (!matches(filter, topic)) return undefined;
  return isEverybody ? '+' : name;
}

/** The figures bear the names that Mosquitto gives them, where it has them. @param name such as `clients/connected` */
export function figureTopic(name: string): TopicName {
  return parseTopicName(`${FIGURES}broker/${name}`);
}
