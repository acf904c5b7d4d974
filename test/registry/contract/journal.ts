/** The journal as the port gives it: complete, in order, and verifiable. */
import { describe, expect, it } from '@jest/globals';
import { emptyChain, verifyChain } from '../../../core/journal/chain.ts';
import type { JournalEvent } from '../../../core/journal/events.ts';
import { deviceId, NOW, name, someEvent } from '../samples.ts';
import type { World } from './world.ts';

export function describeJournal(world: World): void {
  const append = (event: JournalEvent) =>
    world.registry.write('operator:admin', (transaction) => transaction.append(event));

  describe('the journal', () => {
    it('keeps who, when and what, numbered from 1', async () => {
      const { registry } = world;
      world.now = NOW + 42;
      const event = someEvent();
      await append(event);
      expect(await registry.journalHead()).toBe(2);
      const rows = await registry.journal(0, 10);
      expect(rows.map(({ seq }) => seq)).toEqual([1, 2]);
      expect(rows[1]).toMatchObject({ time: NOW + 42, actor: 'operator:admin', event });
      expect(rows[0]?.previousHash).toBe(emptyChain.hash);
    });

    it('may hold several events of one transaction', async () => {
      const { registry } = world;
      await registry.write('system', async (transaction) => {
        await transaction.append(someEvent('one'));
        await transaction.append(someEvent('two'));
        expect(await transaction.journalHead()).toBe(3);
      });
      expect(verifyChain(await registry.journal(0, 10)).seq).toBe(3);
    });

    it('comes in pages that verify one after another', async () => {
      const { registry } = world;
      for (let index = 0; index < 6; index++) await append(someEvent(`${index}`));
      let head = emptyChain;
      for (const pageLength of [3, 3, 1, 0]) {
        const page = await registry.journal(head.seq, 3);
        expect(page).toHaveLength(pageLength);
        head = verifyChain(page, head);
      }
      expect(head.seq).toBe(await registry.journalHead());
    });

    it('keeps and verifies text of every kind', async () => {
      const { registry } = world;
      const event: JournalEvent = {
        action: 'device.changed',
        subject: deviceId('pump'),
        data: {
          group: name('default'),
          attributes: { lone: '\ud800', nul: 'a\u0000b', b: '', a: '"\\', ü: '😀' },
        },
      };
      await append(event);
      const rows = await registry.journal(1, 10);
      expect(rows[0]?.event).toEqual(event);
      expect(verifyChain(await registry.journal(0, 10)).seq).toBe(2);
    });

    it.each([-1, 0.5, Number.NaN])('refuses %d as the size of a page', async (limit) => {
      await expect(world.registry.journal(0, limit)).rejects.toThrow(RangeError);
    });
  });
}
