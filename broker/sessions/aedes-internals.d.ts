/** Members of Aedes 1.2.0 that its own type declarations leave out and the broker builds on. */
import type { PublishPacket } from 'aedes';

declare module 'aedes' {
  interface Client {
    /** Published when the connection ends without DISCONNECT. */
    will: PublishPacket | null;
    /** The will of a CONNECT that is still being worked on. */
    _will: PublishPacket | null;
    /** By topic filter. */
    readonly subscriptions: Record<string, { readonly qos: 0 | 1 | 2 }>;
    /** It has said DISCONNECT. */
    readonly _disconnected: boolean;
    /** Of a connection whose CONNECT does not come. */
    _connectTimer: NodeJS.Timeout | null;
    /** Only then is it unregistered. */
    _authorized: boolean;
    /** Only then are its packets worked on. */
    connackSent: boolean;
    /** What was asked for is done: goes on to what has come meanwhile. */
    readonly _nextBatch: () => void;
    /** Nothing more of what it sends is worked on. */
    pause(): void;
  }
  interface Aedes {
    /** By client id. */
    readonly clients: Readonly<Record<string, Client | undefined>>;
    registerClient(client: Client): void;
    unregisterClient(client: Client): void;
  }
}
