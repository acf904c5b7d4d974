/** A disk that takes no more, and a file that is broken: the broker refuses, says why, and has lost nothing. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Intake } from '../../broker/delivery/intake.ts';
import { Publication } from '../../broker/delivery/publication.ts';
import { connackFor } from '../../broker/front/refusal.ts';
import { DurableSessions } from '../../broker/sessions/durable-sessions.ts';
import { Fleet } from '../broker/fleet.ts';
import { createStore } from '../broker/samples.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { BrokerProcess } from './broker-process.ts';

let fleet: Fleet;
let broker: BrokerProcess;
beforeEach(async () => {
  fleet = await Fleet.create({ start: false });
  await fleet.applyPolicyGroup('anything', { publish: ['#'], subscribe: ['#'] });
  broker = new BrokerProcess(fleet, '--log-level', 'warn');
});
afterEach(async () => {
  await broker.stop();
  await fleet.close();
});

describeWith(['prlimit'], 'a disk that takes no more', () => {
  it('ends the broker before it acknowledges what it cannot keep; a new start has all that it did', async () => {
    await broker.start();
    const reader = await fleet.enroll('reader', { group: 'anything' });
    const away = broker.client(reader);
    await eventually(() => away.isConnected);
    await away.subscribe(['t'], 1);
    away.end();
    const writer = broker.client(await fleet.enroll('writer', { group: 'anything' }));
    let acknowledged = 0;
    const sayNext = async () => {
      for (;;) {
        await writer.publish('t', `${acknowledged + 1} ${'x'.repeat(10_000)}`, 1);
        acknowledged++;
      }
    };
    void sayNext();
    await eventually(() => acknowledged > 20);
    // No file of the broker grows any more, as if the disk were full.
    execFileSync('prlimit', ['--pid', String(broker.pid), '--fsize=300000:unlimited']);
    expect(await broker.untilEnd()).toBe(1);
    expect(broker.log).toContain('session_store_failed');
    const beforeTheEnd = acknowledged;
    await broker.start();

    const numbers: number[] = [];
    const back = broker.client(reader);
    back.onMessage = ({ payload }) => numbers.push(Number(String(payload).split(' ')[0]));
    await eventually(() => new Set(numbers).size > beforeTheEnd + 5); // the writer goes on
    writer.end();
    back.end();
    expect([...new Set(numbers)]).toEqual(Array.from(new Set(numbers), (_, index) => index + 1));
  });
});

describe('a store that has failed', () => {
  it('lets nobody in any more, and takes nothing', async () => {
    const store = createStore();
    const durable = new DurableSessions({ store });
    durable.checkWritable();
    const broken = store.database.change(() => {
      throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_WRITE' });
    });
    await expect(broken).rejects.toMatchObject({ code: 'session_store_failed' });
    expect(() => durable.checkWritable()).toThrow(expect.objectContaining({ code: 'session_store_failed' }));
    expect(connackFor('session_store_failed', 4)).toEqual(Buffer.from([0x20, 2, 0, 3]));
    const filter = [{ topic: 't', qos: 1 }] as const;
    await expect(store.addSubscriptions({ id: 'dev1' }, filter)).rejects.toMatchObject({
      code: 'session_store_failed',
    });
    const message = Publication.of({ topic: 't', payload: Buffer.from('x'), qos: 1 });
    const session = store.database.sessions.open('dev1');
    await expect(
      new Intake(store.database).take(message, [{ session, qos: 1 }], 'writer'),
    ).rejects.toMatchObject({
      code: 'session_store_failed',
    });
  });
});

it('a file that is broken keeps the broker from starting, and is left as it is', async () => {
  const broken = Buffer.alloc(8_192, 0x5a);
  mkdirSync(dirname(fleet.layout.sessions));
  writeFileSync(fleet.layout.sessions, broken);
  await expect(broker.start()).rejects.toThrow('session_store_damaged');
  expect(await broker.untilEnd()).toBe(1);
  expect(readFileSync(fleet.layout.sessions).equals(broken)).toBe(true);
});
