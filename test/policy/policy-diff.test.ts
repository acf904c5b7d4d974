/** What tells two versions of a policy apart. */
import { describe, expect, it } from '@jest/globals';
import { parsePolicy } from '../../core/policy/policy.ts';
import { diffPolicies, isSame } from '../../core/policy/policy-diff.ts';

const diff = (before: object, after: object) =>
  diffPolicies(parsePolicy({ name: 'p', ...before }), parsePolicy({ name: 'p', ...after }));
const none = { publish: [], subscribe: [], deny: [] };

describe('the difference of two policies', () => {
  it('is the rules of each list that come and go, as they are written', () => {
    expect(
      diff(
        { publish: ['a/{id}', 'b/#'], subscribe: ['c/+'] },
        { publish: ['b/#', 'a/{attr.site}/#'], deny: ['c/+'] },
      ),
    ).toEqual({
      added: { publish: ['a/{attr.site}/#'], subscribe: [], deny: ['c/+'] },
      removed: { publish: ['a/{id}'], subscribe: ['c/+'], deny: [] },
      limits: [],
      description: null,
    });
  });

  it.each([
    ['a rule that moves from one list to another', { publish: ['a'] }, { subscribe: ['a'] }],
    ['a limit', {}, { limits: { maxPayload: 1 } }],
    ['a description', { description: 'old' }, {}],
  ])('is there with %s', (_what, before, after) => {
    expect(isSame(diff(before, after))).toBe(false);
  });

  it.each([
    ['the order of rules', { publish: ['a', 'b'] }, { publish: ['b', 'a'] }],
    ['a rule that is there twice', { deny: ['a'] }, { deny: ['a', 'a'] }],
    [
      'a size in another unit, and limits by default',
      {},
      { limits: { bytesPerSecond: '1MB', maxPayload: 131072 } },
    ],
    ['a list that is left out', { deny: [] }, {}],
  ])('is not there with %s', (_what, before, after) => {
    const found = diff(before, after);
    expect(found).toEqual({ added: none, removed: none, limits: [], description: null });
    expect(isSame(found)).toBe(true);
  });

  it('tells of limits in bytes', () => {
    expect(diff({}, { limits: { maxPayload: '1KB', messagesPerSecond: 5 } }).limits).toEqual([
      { limit: 'messagesPerSecond', from: 100, to: 5 },
      { limit: 'maxPayload', from: 131_072, to: 1_024 },
    ]);
  });

  it('to none is all of it', () => {
    const { added, removed, limits } = diffPolicies(undefined, parsePolicy({ name: 'p', deny: ['x', 'x'] }));
    expect([added, removed]).toEqual([{ ...none, deny: ['x'] }, none]);
    expect(limits.map(({ limit, from }) => [limit, from])).toEqual([
      ['messagesPerSecond', null],
      ['bytesPerSecond', null],
      ['maxPayload', null],
    ]);
  });
});
