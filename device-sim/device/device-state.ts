/** The states of a device's life, and what it does in the one it lives for. */
import type { Failure } from '../contract/failure.ts';
import type { Session } from '../contract/mqtt-session.ts';
import type { Identity } from '../identity/identity.ts';

export type DeviceState =
  /** `failures`: attempts in a row that have failed since something last went well. */
  | { readonly name: 'enrolling'; readonly failures: number }
  | {
      readonly name: 'connecting';
      readonly identity: Identity;
      /** The one before a renewal, where the broker has not admitted the renewed one yet. */
      readonly fallback?: Identity | undefined;
      readonly failures: number;
    }
  | {
      readonly name: 'online';
      readonly identity: Identity;
      readonly session: Session;
      /** Milliseconds since the Unix epoch. */
      readonly since: number;
      readonly failures: number;
    }
  | {
      readonly name: 'waiting';
      /** Milliseconds. */
      readonly delay: number;
      readonly reason: Failure;
      readonly next: DeviceState;
    }
  | { readonly name: 'refused'; readonly reason: Failure }
  | { readonly name: 'stopped' };

/** The reason of the signal that asks for the session of a device that comes right back, with a renewed certificate. */
export const comingBack = Symbol('coming back');

/**
 * What a device does while it is online. It returns once `signal` aborts and what it has sent is acknowledged, and
 * may reject with a `Failure`.
 */
export type Occupation = (online: {
  readonly identity: Identity;
  readonly session: Session;
  /** Aborts when the device is to stop, when the connection is gone, and when it is to switch (`comingBack`). */
  readonly signal: AbortSignal;
}) => Promise<void>;
