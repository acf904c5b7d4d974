/** What a message must keep besides the policy's topics. Pure. */
import { decidePublish } from '../../core/policy/decide.ts';
import type { Grants } from '../../core/policy/grants.ts';
import type { Denial } from './denials.ts';

/** What the decoder of Aedes' parser puts where bytes are not UTF-8 [MQTT-1.5.3-1]. */
const REPLACEMENT_CHARACTER = '\uFFFD';

export function isWellFormed(topic: string): boolean {
  return !topic.includes(REPLACEMENT_CHARACTER);
}

/**
 * Null where a message, or a will, may be published. Topics that begin with `$` are refused before the policy is
 * asked: what the broker serves there is its own to say.
 */
export function denialOfPublish(grants: Grants, topic: string, payloadBytes: number): Denial | null {
  if (!isWellFormed(topic)) return { code: 'topic_name_invalid', reason: 'the topic is not UTF-8' };
  const denial = denialOfSize(grants, payloadBytes);
  if (denial !== null) return denial;
  const decision = decidePublish(grants, topic);
  return decision.allowed ? null : decision;
}

export function denialOfSize({ limits: { maxPayload } }: Grants, payloadBytes: number): Denial | null {
  if (payloadBytes <= maxPayload) return null;
  return { code: 'packet_too_large', reason: `a payload of ${payloadBytes} bytes; at most ${maxPayload}` };
}
