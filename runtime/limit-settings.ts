/**
 * How much the broker takes on: what an operator sets for the fleet and the machine at hand. What one device may send is said
 * by its policy; the other bounds stay as they are (broker/limits.ts).
 */
import { z } from 'zod';
import { parseSize } from '../core/policy/size.ts';
import { type SettingRow, wholeNumber } from './setting-row.ts';

const KB = 1024;
const MB = 1024 * KB;
const GB = 1024 * MB;

const aNumber = (least: number, most: number) => ({
  schema: wholeNumber(least, most),
  placeholder: '<n>',
  takes: `a whole number from ${least} to ${most}`,
});

/** Bytes. */
const aSize = ([least, leastText]: [number, string], [most, mostText]: [number, string]) => ({
  schema: z.union([z.number(), z.string().transform(parseSize)]).pipe(z.number().int().min(least).max(most)),
  placeholder: '<size>',
  takes: `a size from ${leastText} to ${mostText}, such as 512KB, 64MB or 4GB`,
});

export const limitSettings = {
  maxConnections: {
    ...aNumber(1, 1_000_000),
    default: 50_000,
    help: 'connections to the broker in all, whatever their state',
  },
  maxHandshakes: {
    ...aNumber(1, 10_000),
    default: 256,
    help: 'TLS handshakes that are begun at a time; others wait in line',
  },
  maxHandshakesPerAddress: {
    ...aNumber(1, 10_000),
    default: 64,
    help: 'TLS handshakes of one address, or of one /64 of IPv6, that are begun at a time',
  },
  maxUnprovenPerAddress: {
    ...aNumber(1, 10_000),
    default: 500,
    help: 'connections of one address that have not proven yet to be of a device',
  },
  maxFailuresPerAddress: {
    ...aNumber(1, 1_000),
    default: 100,
    help: 'connections a second of one address that may never do so',
  },
  maxWaiting: {
    ...aNumber(1, 1_000_000),
    default: 10_000,
    help: 'connections that wait for their handshake; those beyond are turned away',
  },
  maxWaitingPerAddress: {
    ...aNumber(1, 1_000_000),
    default: 4_000,
    help: 'connections of one address that wait for their handshake',
  },
  maxQueueMessages: {
    ...aNumber(1, 10_000_000),
    default: 100_000,
    help: 'messages that wait for one durable session, on disk; the oldest make room',
  },
  maxQueueSize: {
    ...aSize([64 * KB, '64KB'], [64 * GB, '64GB']),
    default: 64 * MB,
    defaultText: '64MB',
    help: 'bytes that wait for one durable session, on disk; the oldest messages make room',
  },
  maxQueuedSize: {
    ...aSize([MB, '1MB'], [4_096 * GB, '4096GB']),
    default: 4 * GB,
    defaultText: '4GB',
    help: 'bytes that wait for all durable sessions together; whoever has most makes room',
  },
  maxCleanQueueSize: {
    ...aSize([64 * KB, '64KB'], [GB, '1GB']),
    default: 4 * MB,
    defaultText: '4MB',
    help: 'bytes that wait for one clean session, in memory; the oldest messages make room',
  },
} as const satisfies Record<string, SettingRow>;

export type LimitSettingName = keyof typeof limitSettings;

export const limitSettingNames = Object.keys(limitSettings) as LimitSettingName[];
