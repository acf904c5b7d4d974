/** Answers that become due in another order than that of what they answer. */
import { describe, expect, it } from '@jest/globals';
import { Acknowledgements } from '../../broker/delivery/acknowledgements.ts';
import { reply } from '../../broker/delivery/encode-packets.ts';
import { Output } from '../../broker/front/output.ts';
import { Line } from '../broker/samples.ts';

describe('an answer that is due', () => {
  it('waits for those before it', async () => {
    const line = new Line();
    const output = new Output({ socket: line, drainTime: 1_000, onStalled: () => {} });
    const answers = new Acknowledgements({ output, sender: { hold: () => {}, release: () => {} } });
    let settle = () => {};
    const slow = new Promise<void>((resolve) => {
      settle = resolve;
    });
    answers.say(reply.puback, 1, slow);
    answers.say(reply.pubrec, 2, Promise.resolve());
    answers.say(reply.puback, 3, null);
    await new Promise((resolve) => setImmediate(resolve));
    expect(line.sent).toHaveLength(0);
    settle();
    await new Promise((resolve) => setImmediate(resolve));
    expect([...line.sent]).toEqual([0x40, 2, 0, 1, 0x50, 2, 0, 2, 0x40, 2, 0, 3]);
  });
});
