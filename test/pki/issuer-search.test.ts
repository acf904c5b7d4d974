/** To whose CA a chain leads: no link counts that a valid path could not have, and none that it could have is missed. */
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ownersReached } from '../../core/pki/issuer-search.ts';
import { type Made, makeDevice, makeIntermediate, makeRoot } from '../support/factory.ts';

const read = ({ certificate }: Made) => new X509Certificate(certificate.der);
const reached = (leaf: Made, presented: readonly Made[], anchors: Readonly<Record<string, Made>>) =>
  [
    ...ownersReached(
      read(leaf),
      presented.map(read),
      Object.entries(anchors).map(([owner, made]) => ({ certificate: read(made), owner })),
    ),
  ].sort();

const root = await makeRoot('Root');
const [first, second] = [await makeIntermediate('First', root), await makeIntermediate('Second', root)];
const third = await makeIntermediate('Third', second);
const leaf = await makeDevice(third, { cn: 'leaf' });

describe('a chain leads', () => {
  it('to the anchor over intermediates in any order, with others among them', () => {
    for (const presented of [
      [third, second, first],
      [first, second, third],
      [leaf, root, third, second],
    ]) {
      expect(reached(leaf, presented, { root })).toEqual(['root']);
    }
  });

  it('to the nearest of two anchors above one another, sent along or not', () => {
    for (const presented of [[third], [third, second], [third, second, root]]) {
      expect(reached(leaf, presented, { root, second })).toEqual(['second']);
    }
  });

  it('to both of two anchors beside one another', async () => {
    const other = await makeRoot('Other');
    const cross = await makeIntermediate('Third', other, { privateKey: third.privateKey });
    expect(reached(leaf, [third, second, cross], { root, other })).toEqual(['other', 'root']);
  });
});

describe('a chain leads nowhere', () => {
  it('where a certificate is missing on the way', () => {
    expect(reached(leaf, [third], { root })).toEqual([]);
    expect(reached(leaf, [second], { root })).toEqual([]);
  });

  it('by a name alone, without the signature', async () => {
    const plain = { identifiers: false };
    const [genuine, fake] = [await makeRoot('Same', plain), await makeRoot('Same', plain)];
    const device = await makeDevice(fake, { cn: 'x' }, plain);
    expect(reached(device, [], { genuine })).toEqual([]);
    expect(reached(device, [], { genuine, fake })).toEqual(['fake']);
  });

  it('over whatever is no CA, or may not sign certificates', async () => {
    for (const options of [{ ca: false }, { ca: null }, { usages: ['digitalSignature'] as const }]) {
      const between = await makeIntermediate('Between', root, { usages: [], ...options });
      const device = await makeDevice(between, { cn: 'x' });
      expect(reached(device, [between], { root })).toEqual([]);
    }
  });

  it('in circles', async () => {
    const one = await makeIntermediate('One', await makeIntermediate('Two', root));
    const two = await makeIntermediate('Two', one);
    const back = await makeIntermediate('One', two, { privateKey: one.privateKey });
    expect(reached(await makeDevice(one, { cn: 'x' }), [one, two, back], { root })).toEqual([]);
  });
});
