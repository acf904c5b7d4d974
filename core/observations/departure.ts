/** Why a session of a device ended: a rule of the error table, or one of these, which are no refusals. */
import { type ErrorCode, errorCatalog, isErrorCode } from '../errors.ts';

const PARTINGS = {
  disconnected: 'the device said DISCONNECT',
  keepalive_timeout: 'nothing came for one and a half times its keep-alive (MQTT 3.1.1 §3.1.2.10)',
  broker_ended: 'the broker was stopped, or ended without a word',
} as const;

export type DepartureReason = ErrorCode | keyof typeof PARTINGS;

/** For people, as a part of a sentence. A newer broker may know more reasons. */
export function describeDeparture(reason: string): string {
  if (Object.hasOwn(PARTINGS, reason)) return PARTINGS[reason as keyof typeof PARTINGS];
  return isErrorCode(reason) ? `${lowerFirst(errorCatalog[reason].title)} (${reason})` : reason;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
