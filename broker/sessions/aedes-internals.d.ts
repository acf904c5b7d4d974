/** Members of Aedes 1.2.0 that its own type declarations leave out and the broker builds on. */
import type { EventEmitter } from 'node:events';
import type { PublishPacket } from 'aedes';

declare module 'aedes' {
  interface Client {
    /** Published when the connection ends without DISCONNECT. */
    will: PublishPacket | null;
    /** The will of a CONNECT that is still being worked on. */
    _will: PublishPacket | null;
    /** By topic filter. */
    readonly subscriptions: Readonly<Record<string, { readonly qos: 0 | 1 | 2 }>>;
    /** It has said DISCONNECT. */
    readonly _disconnected: boolean;
    /** Emits `packet` for each packet that the client sends. */
    readonly _parser: EventEmitter;
    /** Has the parser read what there is. */
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
