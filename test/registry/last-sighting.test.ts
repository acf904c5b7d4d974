/** Whether a device is online, by what was observed last. */
import { describe, expect, it } from '@jest/globals';
import { lastSighting, MAX_SILENCE_MS } from '../../registry/last-sighting.ts';
import type { BrokerRun, SightingRecord } from '../../registry/observations.ts';
import { deviceId, NOW } from './samples.ts';

const run: BrokerRun = { startedAt: NOW, lastAt: NOW + 1_000, endedAt: null };
const next: BrokerRun = { startedAt: NOW + 5_000, lastAt: NOW + 6_000, endedAt: null };
const record: SightingRecord = {
  device: deviceId('pump'),
  run: NOW,
  connectedAt: NOW + 10,
  disconnectedAt: null,
  reason: null,
  sessions: 1,
  clientId: 'pump',
  address: '192.0.2.1',
  tlsVersion: null,
  serialNumber: '01',
};
const online = { status: 'online', since: NOW + 10, reason: null };
const ended = (since: number) => ({ status: 'offline', since, reason: 'broker_ended' });

describe('a device that came and was not seen to go', () => {
  it.each([
    ['is online while the broker reports', run, run, run.lastAt + MAX_SILENCE_MS, online],
    [
      'is unknown once it does not',
      run,
      run,
      run.lastAt + MAX_SILENCE_MS + 1,
      { ...online, status: 'unknown', since: run.lastAt },
    ],
    [
      'is offline since the broker was stopped',
      { ...run, endedAt: NOW + 900 },
      run,
      NOW + 1_000,
      ended(NOW + 900),
    ],
    [
      'is offline since the broker was last heard of, where another run followed',
      run,
      next,
      next.lastAt,
      ended(run.lastAt),
    ],
    ['is offline where its run is forgotten', undefined, next, next.lastAt, ended(record.connectedAt)],
  ])('%s', (_, of, current, now, expected) => {
    expect(lastSighting({ record, run: of }, current, now)).toEqual(expected);
  });
});

describe('a device that was seen to go', () => {
  it.each([run, next, undefined])('is offline since then, whatever became of the broker', (current) => {
    const gone = { ...record, disconnectedAt: NOW + 20, reason: 'disconnected' };
    expect(lastSighting({ record: gone, run }, current, NOW + 1e9)).toEqual({
      status: 'offline',
      since: NOW + 20,
      reason: 'disconnected',
    });
  });
});
