/** A policy for one device: what its variables become, and what becomes of rules that cannot be filled in. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { bindPolicy, type PolicySubject } from '../../core/policy/grants.ts';
import { parsePolicy } from '../../core/policy/policy.ts';
import { isTopicName, matches } from '../../core/policy/topic.ts';
import { anyCharacter } from '../support/any-character.ts';

function subject(attributes: Record<string, string> = {}, id = 'dev1'): PolicySubject {
  return { id: parseDeviceId(id), group: parseEntityName('devices'), attributes };
}

const granted = (pattern: string, to: PolicySubject) =>
  bindPolicy(parsePolicy({ name: 'p', publish: [pattern] }), to).publish;
const deniedBy = (pattern: string, to: PolicySubject) =>
  bindPolicy(parsePolicy({ name: 'p', deny: [pattern] }), to).deny;

describe('when a policy is bound to a device', () => {
  it('fills in its ID, its group and its attributes, alone in a level or within one', () => {
    const at = subject({ site: 'north', floor: '3' });
    expect(granted('{group}/{id}/{attr.site}-{attr.floor}/#', at)).toEqual(['devices/dev1/north-3/#']);
  });

  it('carries the name and the limits of the policy', () => {
    const policy = parsePolicy({ name: 'p', limits: { messagesPerSecond: 7 } });
    expect(bindPolicy(policy, subject())).toEqual({
      policy: 'p',
      limits: policy.limits,
      publish: [],
      subscribe: [],
      deny: [],
    });
  });

  it('takes a value literally, even one that looks like a replacement pattern or a variable', () => {
    expect(granted('a/{attr.x}', subject({ x: '$&{id}' }))).toEqual(['a/$&{id}']);
  });

  it.each(['constructor', 'valueof', 'site'])('finds no attribute %s that was not set', (name) => {
    expect(granted(`a/{attr.${name}}`, subject())).toEqual([]);
  });
});

const unsafe = ['+', '#', 'a/b', '/', '../+', 'a#', 'a\u0000', '\ud800', '\u0085'];

describe('when a grant cannot be filled in', () => {
  it('grants nothing where the attribute is missing', () => {
    expect(granted('sites/{attr.site}/#', subject())).toEqual([]);
  });
  it('grants nothing where the attribute is empty', () => {
    expect(granted('sites/{attr.site}/#', subject({ site: '' }))).toEqual([]);
  });
  it.each(unsafe)('grants nothing where the value is %j', (site) => {
    expect(granted('sites/{attr.site}/#', subject({ site }))).toEqual([]);
  });
  it('grants nothing where the filter would grow past what MQTT can carry', () => {
    expect(granted('{attr.a}/{attr.a}', subject({ a: 'a'.repeat(40_000) }))).toEqual([]);
  });
  it('leaves the other grants standing', () => {
    const policy = parsePolicy({ name: 'p', publish: ['sites/{attr.site}', 'devices/{id}'] });
    expect(bindPolicy(policy, subject()).publish).toEqual(['devices/dev1']);
  });
});

describe('when a deny cannot be filled in', () => {
  it('denies any value of the level where the attribute is missing', () => {
    expect(deniedBy('sites/{attr.site}/secret', subject())).toEqual(['sites/+/secret']);
  });
  it('denies any value of the level where the attribute is empty', () => {
    expect(deniedBy('sites/x-{attr.site}/secret', subject({ site: '' }))).toEqual(['sites/+/secret']);
  });
  it.each(unsafe)('denies everything from that level on where the value is %j', (site) => {
    expect(deniedBy('sites/{attr.site}/secret', subject({ site }))).toEqual(['sites/#']);
  });
  it('denies everything from that level on where a missing value stands beside an unsafe one', () => {
    expect(deniedBy('a/{attr.none}{attr.site}/b', subject({ site: 'x/y' }))).toEqual(['a/#']);
  });
  it('denies everything where the filter would grow past what MQTT can carry', () => {
    expect(deniedBy('{attr.a}/{attr.a}', subject({ a: 'a'.repeat(40_000) }))).toEqual(['#']);
  });
});

describe('whatever an attribute holds', () => {
  const value = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.string({ unit: fc.constantFrom('a', '/', '+', '#', '$') }),
  );

  it('a grant matches no topic with more or other levels than the pattern has', () => {
    fc.assert(
      fc.property(value, (site) => {
        const filters = granted('sites/{attr.site}/data', subject({ site }));
        return filters.every((filter) => {
          const levels = filter.split('/');
          return levels.length === 3 && levels[1] === site && !/[+#]/.test(filter);
        });
      }),
    );
  });

  it('a deny reaches every topic that the value itself makes of the pattern', () => {
    fc.assert(
      fc.property(value, (site) => {
        const meant = `sites/${site}/data`.replaceAll(/[+#]/g, 'x');
        fc.pre(isTopicName(meant));
        const rules = deniedBy('sites/{attr.site}/data', subject({ site }));
        return rules.length === 1 && rules.every((rule) => matches(rule, meant));
      }),
    );
  });
});
