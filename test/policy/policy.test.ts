/** The policy document: what is accepted, what it becomes, and which field a refusal names. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GatehouseError } from '../../core/errors.ts';
import { defaultPolicies, parsePolicy } from '../../core/policy/policy.ts';

function refusalOf(document: unknown): string {
  try {
    parsePolicy(document);
  } catch (error) {
    if (error instanceof GatehouseError && error.code === 'policy_invalid') return error.message;
    throw error;
  }
  throw new Error('accepted');
}

describe('when a policy document is parsed', () => {
  it('grants nothing and keeps the default limits where it says nothing', () => {
    expect(parsePolicy({ name: 'empty' })).toEqual({
      name: 'empty',
      description: '',
      publish: [],
      subscribe: [],
      deny: [],
      limits: { messagesPerSecond: 100, bytesPerSecond: 1_048_576, maxPayload: 131_072 },
    });
  });

  it.each(defaultPolicies)('accepts the default policy $name', (document) => {
    expect(parsePolicy(document).name).toBe(document.name);
  });

  it('completes limits that are given in part', () => {
    expect(parsePolicy({ name: 'p', limits: { maxPayload: '1KB' } }).limits).toEqual({
      messagesPerSecond: 100,
      bytesPerSecond: 1_048_576,
      maxPayload: 1024,
    });
  });

  it.each([
    ['1MB', 1_048_576],
    ['128KB', 131_072],
    ['512B', 512],
    ['512', 512],
    [512, 512],
  ])('reads the size %p as %p bytes', (text, bytes) => {
    expect(parsePolicy({ name: 'p', limits: { maxPayload: text } }).limits.maxPayload).toBe(bytes);
  });

  it.each([
    '',
    'MB',
    '1 MB',
    '1mb',
    '1KiB',
    '1.5MB',
    '-1',
    '0',
    '0KB',
    '1e3',
    '１KB',
    0,
    -1,
    1.5,
    Number.NaN,
    null,
    true,
    '256MB',
  ])('refuses the size %p, naming the field', (size) => {
    expect(refusalOf({ name: 'p', limits: { maxPayload: size } })).toMatch(/^limits\.maxPayload: /);
  });

  const refusals: [what: string, document: unknown, field: RegExp][] = [
    ['no object', 'device', /object/],
    ['a list', [], /object/],
    ['null', null, /object/],
    ['no name', {}, /^name: /],
    ['a name outside the grammar', { name: 'Device!' }, /^name: /],
    ['an unknown key', { name: 'p', subscrib: [] }, /subscrib/],
    ['a key named __proto__', JSON.parse('{"name":"p","__proto__":{"publish":["#"]}}'), /__proto__/],
    ['an unknown limit', { name: 'p', limits: { messages: 1 } }, /^limits: .*messages/],
    ['a rate of nothing', { name: 'p', limits: { messagesPerSecond: 0 } }, /^limits\.messagesPerSecond: /],
    ['publish that is no list', { name: 'p', publish: 'a' }, /^publish: /],
    ['a rule that is no text', { name: 'p', publish: ['a', 1] }, /^publish\[1\]: /],
    ['a rule that is no filter', { name: 'p', subscribe: ['a', 'b', 'c#'] }, /^subscribe\[2\]: /],
    ['a deny that is no filter', { name: 'p', deny: ['#/a'] }, /^deny\[0\]: /],
    ['a wildcard beside a variable', { name: 'p', publish: ['+{id}'] }, /^publish\[0\]: /],
    ['an unknown variable', { name: 'p', publish: ['a/{device}'] }, /\{device\}.*\{id\}/],
    ['a variable of a prototype', { name: 'p', publish: ['a/{__proto__}'] }, /^publish\[0\]: /],
    ['an attribute without a name', { name: 'p', publish: ['a/{attr.}'] }, /^publish\[0\]: /],
    ['an attribute with a slash in its name', { name: 'p', publish: ['a/{attr.b/c}'] }, /^publish\[0\]: /],
    ['an attribute that no device can have', { name: 'p', deny: ['a/{attr.__proto__}'] }, /^deny\[0\]: /],
    ['a brace that never closes', { name: 'p', publish: ['a/{id'] }, /^publish\[0\]: /],
    ['a brace that never opened', { name: 'p', deny: ['a/id}'] }, /^deny\[0\]: /],
    ['a grant of a $ topic', { name: 'p', publish: ['$SYS/#'] }, /^publish\[0\]: .*\$/],
    ['a grant of a shared subscription', { name: 'p', subscribe: ['$share/g/a'] }, /^subscribe\[0\]: .*\$/],
    ['more rules than are tried', { name: 'p', publish: Array(101).fill('a') }, /^publish: /],
    ['a rule longer than any sane one', { name: 'p', publish: ['a'.repeat(1025)] }, /^publish\[0\]: /],
  ];
  it.each(refusals)('refuses %s, naming it', (_what, document, field) => {
    expect(refusalOf(document)).toMatch(field);
  });

  it('throws nothing but policy_invalid, whatever it is given', () => {
    const field = fc.constantFrom('name', 'publish', 'subscribe', 'deny', 'limits', '__proto__', 'other');
    const document = fc.oneof(fc.anything(), fc.dictionary(field, fc.anything()));
    fc.assert(
      fc.property(document, (input) => {
        try {
          return typeof parsePolicy(input).name === 'string';
        } catch (error) {
          return error instanceof GatehouseError && error.code === 'policy_invalid';
        }
      }),
    );
  });
});
