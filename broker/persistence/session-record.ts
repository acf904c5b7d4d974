/** What memory holds of one durable session: what every message asks for. Its queue itself is in the store. */
import type { Subscription } from 'aedes';
import type { QueueEntry, QueueRow } from './queue-entry.ts';

/** Whoever messages are for. */
export interface Subscriber {
  /** What sends to it, in whatever way is none of the store's business; null while it is not connected. */
  readonly delivery: object | null;
}

/** Sends to a durable session while it is connected. */
export interface Delivery {
  /**
   * The message id under which the new last message of the queue is to be sent once it is durable; null to leave it in
   * the queue. Called inside the transaction, so it only decides.
   */
  admit(row: Pick<QueueRow, 'seq' | 'bytes' | 'released'>): number | null;
  send(entries: readonly QueueEntry[]): void;
}

export class SessionRecord implements Subscriber {
  readonly number: number;
  readonly clientId: string;
  readonly subscriptions = new Map<string, Subscription>();
  isDiscarded = false;
  delivery: Delivery | null = null;
  /** Of the queue. */
  messages = 0;
  bytes = 0;
  nextSeq = 1;
  /** What is in the queue up to here may have been sent. */
  sent = 0;

  constructor(number: number, clientId: string) {
    this.number = number;
    this.clientId = clientId;
  }
}
