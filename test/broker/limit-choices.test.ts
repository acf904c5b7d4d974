/** The limits that an operator may choose: what they come to, what is said of them, and that the broker goes by them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import pino from 'pino';
import { limitsOf, tellChoices } from '../../broker/limit-choices.ts';
import { defaultLimits } from '../../broker/limits.ts';
import { type LimitSettingName, limitSettingNames, limitSettings } from '../../runtime/limit-settings.ts';
import { maxOpenFiles } from '../../runtime/open-files.ts';
import { readSettings } from '../../runtime/settings.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe } from './inbox.ts';
import { RawClient } from './raw-client.ts';

const folder = temporaryFolder();
const chosen = (flags: Partial<Record<LimitSettingName, string>>) =>
  readSettings({ data: join(folder, 'nowhere'), ...flags }, {});

describe('limits', () => {
  it('are the defaults where nothing is chosen', () => {
    expect(limitsOf(chosen({}))).toEqual(defaultLimits);
  });

  it('are each what its setting says, and that one alone', () => {
    for (const name of limitSettingNames) {
      const value = limitSettings[name].default * 2;
      const limits = limitsOf(chosen({ [name]: String(value) }));
      const differing = Object.entries(limits).filter(
        ([limit, one]) => one !== Object.entries(defaultLimits).find(([other]) => other === limit)?.[1],
      );
      expect([name, differing]).toEqual([name, [[expect.any(String), value]]]);
    }
  });

  it.each([
    ['maxQueueSize', '64KB', 64 * 1024],
    ['maxQueuedSize', '2GB', 2 * 1024 ** 3],
    ['maxCleanQueueSize', '100000', 100_000],
  ] as const)('%s takes %s', (name, given, value) => {
    expect(chosen({ [name]: given })).toMatchObject({ [name]: value });
  });

  it.each([
    ['maxConnections', '0'],
    ['maxConnections', 'unlimited'],
    ['maxConnections', '1000001'],
    ['maxFailuresPerAddress', '1001'],
    ['maxQueueSize', '1KB'],
    ['maxQueueSize', '64mb'],
    ['maxQueuedSize', '5TB'],
    ['maxCleanQueueSize', '-1'],
    ...['', '0', '1.5', '1e309', '1e6', 'KB', '64 KB', ' 64KB', '64KB\n', '0x10000', '9999999999g'].map(
      (size) => ['maxQueueSize', size] as const,
    ),
    ['maxQueueSize', '9999999999GB'],
    ['maxQueueSize', '99999999999999'],
    ...['', '-1', '1.5', '1e3', ' 1', '1KB', '9'.repeat(400)].map((n) => ['maxWaiting', n] as const),
  ] as const)('%s refuses %s', (name, given) => {
    expect(() => chosen({ [name]: given })).toThrow(
      expect.objectContaining({ code: 'setting_invalid', message: expect.stringContaining('from') }),
    );
  });
});

describe('a size in gatehouse.yaml', () => {
  it.each([
    ['1e309', 'Infinity'],
    ['.nan', 'NaN'],
    ['-65536', '-65536'],
    ['65536.5', '65536.5'],
    ['true', 'true'],
  ])('that is %s is refused, and shown as it was understood', (given, shown) => {
    writeFileSync(join(folder, 'gatehouse.yaml'), `maxQueueSize: ${given}\n`);
    expect(() => readSettings({ data: folder }, {})).toThrow(
      expect.objectContaining({
        code: 'setting_invalid',
        message: expect.stringContaining(
          `a size from 64KB to 64GB, such as 512KB, 64MB or 4GB, not "${shown}"`,
        ),
      }),
    );
  });
});

describe('what is said at start', () => {
  function said(flags: Partial<Record<LimitSettingName, string>>, openFiles?: number) {
    const lines: Record<string, unknown>[] = [];
    const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
    tellChoices(chosen(flags), { openFiles, log });
    return lines;
  }

  it('names each limit that is wider than by default, and what that costs', () => {
    const cost = (of: string) => expect.stringContaining(of);
    expect(said({ maxConnections: '100000', maxWaiting: '10', maxQueueSize: '65MB' })).toMatchObject([
      { level: 40, setting: '--max-connections', value: 100_000, default: 50_000, cost: cost('memory') },
      { level: 40, setting: '--max-queue-size', cost: cost('disk') },
    ]);
  });

  it('is nothing of the defaults, nor of what is narrower', () => {
    expect(said({}, 1_024)).toEqual([]);
    const least = { maxConnections: '1', maxHandshakes: '1', maxQueueSize: '64KB', maxQueuedSize: '1MB' };
    expect(said(least, 1_024)).toEqual([]);
  });

  it('tells where as many messages as were asked for never fit into a queue', () => {
    const idle = { setting: '--max-queue-messages', value: 1_000_000, '--max-queue-size': 64 * 1024 ** 2 };
    const wide = { setting: '--max-queue-messages', default: 100_000 };
    expect(said({ maxQueueMessages: '1000000' })).toMatchObject([wide, idle]);
    expect(said({ maxQueueMessages: '524288' })).toMatchObject([wide]);
    expect(said({ maxQueueSize: '1MB' })).toEqual([]); // nobody asked for as many
  });

  it('tells where the process may not open as many files', () => {
    expect(said({ maxConnections: '40000' }, 41_000)).toEqual([]);
    expect(said({ maxConnections: '40000' }, 40_999)).toMatchObject([
      { setting: '--max-connections', openFiles: 40_999, msg: expect.stringContaining('LimitNOFILE') },
    ]);
  });

  it('goes by what the system tells of open files, if it does', async () => {
    const file = join(folder, 'limits');
    const line = (most: string) =>
      `Limit   Soft Limit   Hard Limit   Units\nMax open files   ${most}   9   files\n`;
    writeFileSync(file, line('1024'));
    expect(await maxOpenFiles(file)).toBe(1024);
    writeFileSync(file, line('unlimited'));
    expect(await maxOpenFiles(file)).toBe(Number.POSITIVE_INFINITY);
    expect(await maxOpenFiles(join(folder, 'none'))).toBeUndefined();
  });
});

describe('the broker', () => {
  let fleet: Fleet | undefined;
  afterEach(() => fleet?.close());

  it('goes by what was chosen', async () => {
    fleet = await Fleet.create({ start: false });
    await fleet.startBroker({ maxConnections: 1 });
    const client = await fleet.connect(await fleet.enroll('dev-1'));
    const other = await fleet.enroll('dev-2');
    await expect(RawClient.open(fleet, other)).rejects.toThrow();
    expect(await fleet.refusals('connection_limit')).toBeGreaterThan(0);
    await client.endAsync();
  });

  it('tells of policies whose messages cannot wait for anybody, at start and when one is applied', async () => {
    fleet = await Fleet.create({ start: false });
    await fleet.startBroker({ maxQueueSize: '64KB' });
    const told = () => fleet?.log.filter(({ msg }) => msg.includes('can wait for nobody')) ?? [];
    expect(told()).toMatchObject([
      { level: 40, setting: '--max-queue-size', value: 64 * 1024, policy: 'device', maxPayload: 128 * 1024 },
      { policy: 'telemetry-reader' },
    ]);
    const [first] = told();
    const least = /to (\d+) or more/.exec(String(first?.remedy))?.[1];
    await fleet.applyPolicy({ name: 'small', limits: { maxPayload: '62KB' } });
    await fleet.applyPolicy({ name: 'large', limits: { maxPayload: '63KB' } });
    await eventually(() => told().length > 2);
    expect(told().slice(2)).toMatchObject([{ policy: 'large', maxPayload: 63 * 1024 }]);
    await fleet.stopBroker();
    fleet.log.length = 0;
    await fleet.startBroker({ maxQueueSize: least });
    expect(told()).toEqual([]); // the remedy is one
  });

  it('keeps the largest message for who is away where the queue is as large as the remedy says', async () => {
    fleet = await Fleet.create({ start: false });
    const maxPayload = 128 * 1024;
    await fleet.applyPolicyGroup('anything', { publish: ['#'], subscribe: ['#'], limits: { maxPayload } });
    await fleet.startBroker({ maxQueueSize: String(maxPayload + 1_024 + 128) });
    const away = await fleet.enroll('away', { group: 'anything' });
    const first = await fleet.connect(away, { clean: false });
    await subscribe(first, 'large');
    await first.endAsync();
    const source = await fleet.connect(await fleet.enroll('source', { group: 'anything' }));
    const payload = 'x'.repeat(maxPayload);
    await source.publishAsync('large', payload, { qos: 1 });
    const inbox = new Inbox(fleet.client(away, { clean: false }));
    await inbox.has(payload);
    await source.endAsync();
  });
});
