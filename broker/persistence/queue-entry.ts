/** What waits in the queue of a durable session, as its store and whoever sends it speak of it. */
import type { Delivery, SessionRecord } from './session-record.ts';

/** Message ids repeat after as many entries of a session (§2.3.1): no two that are under way are further apart. */
export const MESSAGE_IDS = 65_535;

export interface Message {
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly retain: boolean;
  readonly brokerId: string | null;
  readonly brokerCounter: number | null;
}

export interface Receiver {
  readonly session: SessionRecord;
  readonly qos: number;
}

/** An entry as it stands in the table. */
export interface QueueRow {
  readonly seq: number;
  /** Null until it may have been sent. */
  readonly messageId: number | null;
  /** 1 where PUBREL stands in the place of the message. */
  readonly released: 0 | 1;
  readonly qos: 0 | 1 | 2;
  readonly bytes: number;
}

/** With its body, which is null once it is released. */
export interface QueueEntry extends QueueRow {
  readonly topic: string | null;
  readonly payload: Buffer | string | null;
  readonly retain: 0 | 1 | null;
}

/** With the name that Aedes gave it. */
export interface StoredEntry extends QueueEntry {
  readonly brokerId: string | null;
  readonly brokerCounter: number | null;
}

/** A message that is at the end of a queue now. */
export interface Appended {
  readonly row: QueueRow;
  /** Who is to send it right now; null where it waits. */
  readonly delivery: Delivery | null;
}

export interface PageLimits {
  readonly messages: number;
  readonly bytes: number;
}

export interface Page {
  readonly entries: readonly QueueEntry[];
  /** Whether there is nothing behind them. */
  readonly isLast: boolean;
}

export function messageIdOf(seq: number): number {
  return 1 + (seq % MESSAGE_IDS);
}
