/** What memory holds of one durable session: what every message asks for. Its queue itself is in the store. */
import type { Subscription } from 'aedes';
import type { QueueEntry, QueueRow } from './queue-entry.ts';

/** Whoever sends to the session while it is connected. */
export interface Delivery {
  /**
   * The message id under which the new last message of the queue is to be sent once it is durable; null to leave it in
   * the queue. Called inside the transaction, so it only decides.
   */
  admit(row: Pick<QueueRow, 'seq' | 'bytes' | 'message'>): number | null;
  send(entries: readonly QueueEntry[]): void;
}

export class SessionRecord {
  readonly number: number;
  readonly clientId: string;
  readonly subscriptions = new Map<string, Subscription>();
  isDiscarded = false;
  delivery: Delivery | null = null;
  /** Of the queue. */
  messages = 0;
  bytes = 0;
  nextSeq = 1;

  constructor(number: number, clientId: string) {
    this.number = number;
    this.clientId = clientId;
  }
}
