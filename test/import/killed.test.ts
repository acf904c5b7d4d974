/** SIGKILL in the middle of an import: after it, all of the file is there or nothing of it. */
import { once } from 'node:events';
import { expect, it } from '@jest/globals';
import { Agent, request } from 'undici';
import { verifyChain } from '../../core/journal/chain.ts';
import { LineCutter } from '../../core/lines.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { startTestEnroll } from '../support/enroll-service.ts';
import { startEnrollProcess } from '../support/role-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { linesOf } from './importing.ts';

const folder = temporaryFolder();
const SIZE = 8_000;

it('is all or nothing, whenever it comes', async () => {
  const service = await startTestEnroll(folder);
  const { adminToken, ca } = service;
  const { data } = service.settings;
  await service.close();

  for (const killAt of [1, 2, 3]) {
    const { child, adminUrl } = await startEnrollProcess(data);
    const dispatcher = new Agent({ connect: { ca } });
    const exited = once(child, 'exit');
    const values = Array.from({ length: SIZE }, (_, index) => ({
      id: `${killAt}-${index}`,
      group: 'devices',
    }));
    const { body } = await request(`${adminUrl}/api/v1/devices/import`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/x-ndjson' },
      body: linesOf(values),
      dispatcher,
    });
    const answered = await linesUntilKilled(body, killAt, () => child.kill('SIGKILL'));
    child.kill('SIGKILL');
    await exited;
    await dispatcher.destroy();

    const registry = await openRegistry({ file: dataLayout(data).registry.database, clock: systemClock });
    try {
      const devices = await registry.devices({ limit: 10 * SIZE });
      const kept = devices.filter(({ id }) => id.startsWith(`${killAt}-`)).length;
      expect([0, SIZE]).toContain(kept);
      // What was answered is kept.
      if (answered.some((line) => line.includes('"result"'))) expect(kept).toBe(SIZE);
      const rows = await registry.journal(0, 1_000_000);
      expect(verifyChain(rows).seq).toBe(rows.length);
      const journaled = rows.flatMap(({ event }) =>
        event.action === 'devices.imported' ? event.data.devices : [],
      );
      expect(journaled.length).toBe(devices.length);
    } finally {
      await registry.close();
    }
  }
});

/** The lines of the answer; at the one of this number, `kill` is called. */
async function linesUntilKilled(body: AsyncIterable<Uint8Array>, number: number, kill: () => void) {
  const cutter = new LineCutter({ maxBytes: 10_000 });
  const lines: string[] = [];
  try {
    for await (const chunk of body) {
      for (const line of cutter.push(chunk)) {
        lines.push('text' in line ? line.text : '');
        if (line.number === number) kill();
      }
    }
  } catch {
    // The connection ends with the process.
  }
  return lines;
}
