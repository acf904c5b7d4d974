/**
 * MQTT topic names and topic filters, exactly as MQTT 3.1.1 §4.7 has them: what is well-formed, which topics a
 * filter matches, and how two filters relate. Everything works on the strings themselves: matching one message
 * splits nothing and allocates nothing.
 */
import { GatehouseError } from '../errors.ts';
import { quote, type TopicFilter, type TopicName } from '../ids.ts';

/** A UTF-8 encoded string of MQTT carries its length in two bytes (§1.5.3). */
const MAX_BYTES = 65_535;
/** Ours, not the standard's: it bounds what one filter can cost in the broker's subscription tree. */
export const MAX_TOPIC_LEVELS = 64;

const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;
const DOLLAR = 0x24;

/** @throws GatehouseError `topic_filter_invalid` */
export function parseTopicFilter(text: string): TopicFilter {
  if (!isTopicFilter(text)) {
    throw new GatehouseError('topic_filter_invalid', `${quote(text)}: ${topicFilterProblem(text)}`);
  }
  return text;
}

/** @throws GatehouseError `topic_name_invalid` */
export function parseTopicName(text: string): TopicName {
  if (!isTopicName(text)) {
    throw new GatehouseError('topic_name_invalid', `${quote(text)}: ${topicNameProblem(text)}`);
  }
  return text;
}

export function isTopicFilter(text: string): text is TopicFilter {
  return topicFilterProblem(text) === null;
}

export function isTopicName(text: string): text is TopicName {
  return topicNameProblem(text) === null;
}

/** What keeps `text` from being a topic filter, as the end of a sentence; null where nothing does. */
export function topicFilterProblem(text: string): string | null {
  return problemOf(text, wildcardProblemInFilter);
}

/**
 * What makes `text` no topic filter by the standard's own word, as the end of a sentence; null where nothing does. Of text
 * that MQTT can carry, `topicFilterProblem` finds more: what a server may refuse (§1.5.3), and what is too much for this one.
 */
export function topicFilterViolation(text: string): string | null {
  if (text.length === 0) return EMPTY;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const problem = code === PLUS || code === HASH ? wildcardProblemInFilter(text, index) : null;
    if (problem !== null) return problem;
  }
  return null;
}

/** What keeps `text` from being a topic name, as the end of a sentence; null where nothing does. */
export function topicNameProblem(text: string): string | null {
  return problemOf(text, wildcardProblemInName);
}

/** Topics that begin with `$` are the server's own (§4.7.2). */
export function isReserved(text: string): boolean {
  return text.charCodeAt(0) === DOLLAR;
}

/** Whether a message published to `topic` is one that `filter` asks for. */
export function matches(filter: TopicFilter, topic: TopicName): boolean {
  if (isReserved(topic) && beginsWithWildcard(filter)) return false; // [MQTT-4.7.2-1]
  let at = 0;
  for (let index = 0; index < filter.length; index++) {
    const code = filter.charCodeAt(index);
    if (code === HASH) return true;
    if (code === PLUS) {
      while (at < topic.length && topic.charCodeAt(at) !== SLASH) at++;
      continue;
    }
    // "a/#" matches its parent level "a" as well (§4.7.1.2).
    if (at === topic.length) return index === filter.length - 2 && filter.endsWith('/#');
    if (topic.charCodeAt(at) !== code) return false;
    at++;
  }
  return at === topic.length;
}

/** Whether every topic that `inner` can match is matched by `outer`. */
export function covers(outer: TopicFilter, inner: TopicFilter): boolean {
  if (isReserved(inner) && beginsWithWildcard(outer)) return false;
  const outerLevels = levelsOf(outer);
  const innerLevels = levelsOf(inner);
  for (let depth = 0; ; depth++) {
    const wanted = innerLevels[depth];
    const granted = outerLevels[depth];
    if (granted === '#') return true;
    if (granted === undefined || wanted === undefined) return granted === wanted;
    if (wanted === '#') return false;
    if (granted !== '+' && granted !== wanted) return false;
  }
}

/**
 * Whether some topic is matched by both. The length limit of topics is left out of account, so two filters
 * that could meet only in a topic of more than 65,535 bytes count as meeting.
 */
export function intersects(one: TopicFilter, other: TopicFilter): boolean {
  if (isReserved(one) && beginsWithWildcard(other)) return false;
  if (isReserved(other) && beginsWithWildcard(one)) return false;
  const oneLevels = levelsOf(one);
  const otherLevels = levelsOf(other);
  for (let depth = 0; ; depth++) {
    const a = oneLevels[depth];
    const b = otherLevels[depth];
    if (a === '#' || b === '#') return true;
    if (a === undefined || b === undefined) return a === b;
    if (a !== '+' && b !== '+' && a !== b) return false;
  }
}

/** No topic is empty [MQTT-4.7.3-1], so the parent that "#" or "/#" would match as well does not exist. */
function levelsOf(filter: TopicFilter): readonly string[] {
  if (filter === '#') return ['+', '#'];
  return filter === '/#' ? ['', '+', '#'] : filter.split('/');
}

function beginsWithWildcard(filter: TopicFilter): boolean {
  const code = filter.charCodeAt(0);
  return code === PLUS || code === HASH;
}

/** One pass over the text, which may be anything a client sent. */
function problemOf(
  text: string,
  wildcardProblem: (text: string, index: number) => string | null,
): string | null {
  if (text.length === 0) return EMPTY;
  if (text.length > MAX_BYTES) return TOO_LONG;
  let bytes = text.length;
  let levels = 1;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === SLASH) levels++;
    else if (code === PLUS || code === HASH) {
      const problem = wildcardProblem(text, index);
      if (problem !== null) return problem;
    } else if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) {
      return 'it holds a control character'; // U+0000: [MQTT-4.7.3-2]; the others: §1.5.3
    } else if (code >= 0x80) {
      const point = text.codePointAt(index) ?? code;
      if (point >= 0xd800 && point <= 0xdfff) return 'it holds half of a surrogate pair'; // [MQTT-1.5.3-1]
      if (isNoncharacter(point)) return 'it holds a code point that is no character'; // §1.5.3
      bytes += point < 0x800 ? 1 : 2; // what UTF-8 takes beyond one byte for each UTF-16 unit
      if (point > 0xffff) index++;
    }
  }
  if (bytes > MAX_BYTES) return TOO_LONG; // [MQTT-4.7.3-3]
  return levels > MAX_TOPIC_LEVELS ? `it has more than ${MAX_TOPIC_LEVELS} levels` : null;
}

function isNoncharacter(point: number): boolean {
  return (point & 0xfffe) === 0xfffe || (point >= 0xfdd0 && point <= 0xfdef);
}

/** [MQTT-4.7.3-1] */
const EMPTY = 'it is empty';
const TOO_LONG = `it is longer than ${MAX_BYTES} bytes`;

/** [MQTT-3.3.2-2] */
function wildcardProblemInName(): string {
  return 'a topic name holds no wildcard (+ or #)';
}

/** [MQTT-4.7.1-2], [MQTT-4.7.1-3] */
function wildcardProblemInFilter(text: string, index: number): string | null {
  const beginsLevel = index === 0 || text.charCodeAt(index - 1) === SLASH;
  const endsText = index === text.length - 1;
  const endsLevel = endsText || text.charCodeAt(index + 1) === SLASH;
  if (!beginsLevel || !endsLevel) return 'a wildcard (+ or #) stands alone in its level';
  if (text.charCodeAt(index) === HASH && !endsText) return '# comes last';
  return null;
}
