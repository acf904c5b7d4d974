/** Retained messages on their way to a disk that is slow. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { RetainedWrites } from '../../broker/persistence/retained-writes.ts';
import type { RetainedRow } from '../../broker/persistence/sqlite/message-tables.ts';

let asked: (() => void)[];
let written: string[];
let writes: RetainedWrites;
beforeEach(() => {
  asked = [];
  written = [];
  const tables = {
    retain: ({ owner, topic, payload }: RetainedRow) => void written.push(`${topic}=${payload} of ${owner}`),
    removeRetained: (topic: string) => void written.push(`${topic} removed`),
  };
  writes = new RetainedWrites({ tables, commit: { post: (change) => void asked.push(change) } });
});

function keep(topic: string, payload: string, owner = 'dev1'): void {
  const packet = { cmd: 'publish', topic, payload, qos: 0, retain: true, dup: false } as const;
  writes.keep(owner, { ...packet, brokerId: '', brokerCounter: 0 });
}

describe('a topic that changes again before it is written', () => {
  it('is written once, with what is so then', () => {
    for (let count = 0; count < 1_000; count++) keep('a', `${count}`);
    keep('b', 'gone');
    writes.remove('b');
    writes.remove('c');
    keep('c', 'back', 'dev2');
    expect(asked).toHaveLength(3);
    for (const change of asked) change();
    expect(written).toEqual(['a=999 of dev1', 'b removed', 'c=back of dev2']);
  });

  it('is written anew where it changes afterwards', () => {
    keep('a', '1');
    asked.shift()?.();
    keep('a', '2');
    asked.shift()?.();
    expect(written).toEqual(['a=1 of dev1', 'a=2 of dev1']);
  });
});
