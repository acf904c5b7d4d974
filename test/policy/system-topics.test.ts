/** `$presence/…` and `$SYS/…`: open to subscriptions that a policy grants by name, and to nothing else. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseDeviceId, parseEntityName, type TopicFilter } from '../../core/ids.ts';
import { decideDelivery, decidePublish, decideSubscribe } from '../../core/policy/decide.ts';
import { bindPolicy } from '../../core/policy/grants.ts';
import { defaultPolicies, type PolicyDocument, parsePolicy } from '../../core/policy/policy.ts';
import { isSystemTopic, presenceDeviceIn, presenceTopic } from '../../core/policy/system-topics.ts';
import { matches, parseTopicFilter } from '../../core/policy/topic.ts';

function grantsOf(policy: Omit<PolicyDocument, 'name'>, attributes: Readonly<Record<string, string>> = {}) {
  const subject = { id: parseDeviceId('watcher'), group: parseEntityName('services'), attributes };
  return bindPolicy(parsePolicy({ ...policy, name: 'p' }), subject);
}

describe('a policy', () => {
  it.each([
    '$presence/#',
    '$presence/+',
    '$presence/{id}',
    '$presence/{attr.twin}',
    '$SYS/#',
    '$SYS/broker/clients/+',
  ])('may grant to subscribe to %s', (pattern) =>
    expect(() => grantsOf({ subscribe: [pattern] })).not.toThrow(),
  );

  it.each([
    '$',
    '$share/g/x',
    '$presence',
    '$SYS',
    '$presences/#',
    '$sys/#',
    '$SYSx/#',
    '$+/#',
    '$x{id}/#',
    '$SYS{attr.x}/a',
  ])('may not grant to subscribe to %s', (pattern) =>
    expect(() => grantsOf({ subscribe: [pattern] })).toThrow('subscribe[0]'),
  );

  it.each(['$presence/#', '$presence/{id}', '$SYS/broker/x'])('may not grant to publish to %s', (pattern) => {
    expect(() => grantsOf({ publish: [pattern] })).toThrow('publish[0]');
  });

  it('of those that a new Gatehouse has grants none of it', () => {
    for (const { name, ...policy } of defaultPolicies) {
      const grants = grantsOf(policy);
      for (const filter of ['$presence/#', '$presence/watcher', '$SYS/#', '$SYS/broker/uptime']) {
        expect([name, decideSubscribe(grants, filter)]).toMatchObject([
          name,
          { allowed: false, code: 'topic_reserved' },
        ]);
      }
    }
  });
});

describe('what a policy grants there', () => {
  const grants = grantsOf({
    publish: ['#'],
    subscribe: ['#', '$presence/+', '$SYS/broker/clients/#'],
    deny: ['$presence/secret'],
  });

  it.each([
    ['$presence/pump-1', true],
    ['$SYS/broker/clients/#', true],
    ['$SYS/broker/clients/connected', true],
    ['$presence/secret', false],
    ['$presence/+', false], // the deny reaches into it
    ['$presence/#', false],
    ['$presence/pump-1/x', false],
    ['$SYS/#', false],
    ['$SYS/+/clients/connected', false],
    ['$SYS/broker/uptime', false],
    ['$share/g/$presence/pump-1', false],
    ['$other/x', false],
  ])('of a subscription to %s: %s', (filter, allowed) => {
    expect(decideSubscribe(grants, filter).allowed).toBe(allowed);
  });

  it.each([
    ['$presence/pump-1', true],
    ['$presence/secret', false],
    ['$SYS/broker/clients/connected', true],
    ['$SYS/broker/uptime', false],
    ['$SYS/x/new/clients', false],
    ['$share/a', false],
  ])('of the delivery of %s: %s', (topic, allowed) => {
    expect(decideDelivery(grants, topic).allowed).toBe(allowed);
  });

  it('is nothing to publish', () => {
    for (const topic of ['$presence/watcher', '$SYS/broker/clients/connected']) {
      expect(decidePublish(grants, topic)).toMatchObject({ allowed: false, code: 'topic_reserved' });
    }
  });

  it('is never what an attribute happens to say', () => {
    const sly = grantsOf(
      { subscribe: ['{attr.tree}/#', '{attr.tree}/+', '{attr.tree}'] },
      { tree: '$presence' },
    );
    expect(sly.subscribe).toEqual([]);
    expect(grantsOf({ subscribe: ['$presence/{attr.twin}'] }, { twin: '+' }).subscribe).toEqual([]);
    expect(grantsOf({ subscribe: ['$presence/{attr.twin}'] }, { twin: 'a/#' }).subscribe).toEqual([]);
    expect(grantsOf({ subscribe: ['$presence/{attr.twin}'] }, { twin: 'pump-1' }).subscribe).toEqual([
      '$presence/pump-1',
    ]);
  });

  it('is never granted by what does not name it', () => {
    const level = fc.constantFrom('+', 'a', '', 'presence', '{id}', '{attr.a}');
    const grant = fc
      .array(level, { minLength: 1, maxLength: 3 })
      .chain((levels) => fc.constantFrom(levels.join('/'), [...levels, '#'].join('/')));
    fc.assert(
      fc.property(
        fc.array(grant, { maxLength: 4 }),
        fc.constantFrom('$presence', '$SYS', '$', 'a'),
        fc.constantFrom('$presence/x', '$SYS/broker/x', '$presence/#', '$SYS/+'),
        (patterns, attribute, asked) => {
          const subscribe = patterns.filter((pattern) => pattern !== '');
          const bound = grantsOf({ subscribe }, { a: attribute });
          expect(decideSubscribe(bound, asked).allowed).toBe(false);
          expect(decideDelivery(bound, asked).allowed).toBe(false);
        },
      ),
    );
  });
});

describe('whose presence a filter asks for', () => {
  it.each([
    ['$presence/+', '+'],
    ['$presence/#', '+'],
    ['$presence/+/#', '+'],
    ['$presence/pump-1', 'pump-1'],
    ['$presence/pump-1/#', 'pump-1'],
    ['$presence/pump-1/+', undefined],
    ['$presence/+/x', undefined],
    ['$SYS/#', undefined],
  ])('%s', (filter, whose) => {
    expect(presenceDeviceIn(parseTopicFilter(filter))).toBe(whose);
  });

  it('is the device whose topic it matches', () => {
    const id = parseDeviceId('pump-1');
    for (const filter of [
      '$presence/+',
      '$presence/pump-1',
      '$presence/pump-1/#',
      '$presence/pump-10',
      '$presence/+/x',
    ]) {
      const whose = presenceDeviceIn(filter as TopicFilter);
      expect(whose === '+' || whose === id).toBe(matches(filter as TopicFilter, presenceTopic(id)));
    }
    expect(isSystemTopic(presenceTopic(id))).toBe(true);
  });
});
