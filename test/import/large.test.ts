/** 20,000 devices at once: the rest of the process goes on between any few of them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ImportResult } from '../../core/api/import.ts';
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { checkDevices, writeDevices } from '../../enroll/use-cases/operating/import-devices.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { startTestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SIZE = 20_000;

let registry: Registry;
const folder = temporaryFolder();
beforeAll(async () => {
  const service = await startTestEnroll(folder);
  await service.close();
  registry = await openRegistry({ file: service.layout.registry.database, clock: systemClock });
});
afterAll(() => registry.close());

/** As it comes from a socket, a turn of the event loop each. */
async function* body() {
  let text = '';
  for (let index = 0; index < SIZE; index++) {
    // Their order is none, as with serial numbers of factories.
    const id = `${(index * 7_919) % SIZE}-press`;
    text += `${JSON.stringify({ id, group: 'devices', attributes: { site: 'Zürich', line: String(index % 9) } })}\n`;
    if (text.length < 16_384) continue;
    yield Buffer.from(text);
    text = '';
    await new Promise(setImmediate);
  }
  yield Buffer.from(text);
}

describe('20,000 devices', () => {
  it('are imported while look-ups go on, none of which waits for more than a few', async () => {
    const context = { registry, clock: systemClock };
    let turns = 0;
    let isDone = false;
    const lookingOn = async () => {
      for (; !isDone; turns++) {
        await registry.group(parseEntityName('devices'));
        await new Promise(setImmediate);
      }
    };
    const looking = lookingOn();
    const checked = await checkDevices(context, body(), { update: false });
    expect(turns).toBeGreaterThan(50);
    /** How many entries were written when somebody else had a turn for the first time since. */
    const written: number[] = [];
    let seen = turns;
    const counts: Omit<ImportResult, 'dryRun'> = await writeDevices(context, 'operator:x', checked, {
      update: false,
      onWritten: (count) => {
        if (turns === seen) return;
        written.push(count);
        seen = turns;
      },
    });
    isDone = true;
    await looking;
    expect(counts).toEqual({ imported: SIZE, unchanged: 0, updated: 0 });
    const apart = written.map((count, index) => count - (written[index - 1] ?? 0));
    expect(Math.max(...apart)).toBeLessThanOrEqual(1_000);
    expect(SIZE - (written.at(-1) ?? 0)).toBeLessThanOrEqual(1_000);
    expect(await registry.device(parseDeviceId('19999-press'))).toBeDefined();
  });
});
