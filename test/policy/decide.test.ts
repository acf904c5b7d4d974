/** Decisions of a policy: deny by default, a deny wins, `$` is closed, and each says which rule decided. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { decideDelivery, decidePublish, decideSubscribe } from '../../core/policy/decide.ts';
import { bindPolicy } from '../../core/policy/grants.ts';
import { defaultPolicies, type PolicyDocument, parsePolicy } from '../../core/policy/policy.ts';
import { isReserved, matches } from '../../core/policy/topic.ts';
import { filters, topics } from './reference.ts';

function grantsOf(document: Omit<PolicyDocument, 'name'>, id = 'dev1') {
  return bindPolicy(parsePolicy({ name: 'p', ...document }), {
    id: parseDeviceId(id),
    group: parseEntityName('devices'),
    attributes: {},
  });
}

const [deviceDocument, readerDocument] = defaultPolicies.map(({ name, ...rest }) => rest);
const device = grantsOf(deviceDocument ?? {});
const reader = grantsOf(readerDocument ?? {});

describe('under the policy "device"', () => {
  it.each([
    ['devices/dev1/telemetry', 'devices/dev1/telemetry/#'],
    ['devices/dev1/telemetry/temperature/1', 'devices/dev1/telemetry/#'],
    ['devices/dev1/status', 'devices/dev1/status'],
  ])('publishes to %s by the rule %s', (topic, rule) => {
    expect(decidePublish(device, topic)).toEqual({ allowed: true, rule });
  });

  it.each([
    'devices/dev10/telemetry',
    'devices/dev2/telemetry',
    'devices/DEV1/telemetry',
    'devices/dev1',
    'devices/dev1/status/x',
    'devices/dev1/commands/reboot',
    'devices//telemetry',
    '/devices/dev1/telemetry',
    'groups/devices/broadcast/x',
  ])('does not publish to %s', (topic) => {
    expect(decidePublish(device, topic)).toMatchObject({
      allowed: false,
      code: 'publish_denied',
      rule: null,
    });
  });

  it.each([
    ['devices/dev1/commands/#', 'devices/dev1/commands/#'],
    ['devices/dev1/commands', 'devices/dev1/commands/#'],
    ['devices/dev1/commands/+', 'devices/dev1/commands/#'],
    ['groups/devices/broadcast/+/a/#', 'groups/devices/broadcast/#'],
  ])('subscribes to %s by the rule %s', (filter, rule) => {
    expect(decideSubscribe(device, filter)).toEqual({ allowed: true, rule });
  });

  it.each([
    '#',
    '+/#',
    'devices/#',
    'devices/+/commands/#',
    'devices/+/telemetry',
    'devices/dev2/commands/#',
    'devices/dev10/commands/#',
    'devices/dev1/#',
    'devices/dev1/+',
    'devices/dev1/telemetry/#',
    'groups/+/broadcast/#',
    'groups/services/broadcast/#',
  ])('does not subscribe to %s', (filter) => {
    expect(decideSubscribe(device, filter)).toMatchObject({
      allowed: false,
      code: 'subscribe_denied',
      rule: null,
    });
  });

  it('is handed what a grant of its subscriptions matches, and nothing else', () => {
    expect(decideDelivery(device, 'devices/dev1/commands/reboot')).toEqual({
      allowed: true,
      rule: 'devices/dev1/commands/#',
    });
    expect(decideDelivery(device, 'devices/dev2/commands/reboot')).toMatchObject({
      allowed: false,
      code: 'subscribe_denied',
      rule: null,
    });
  });

  it('tells which part of a filter is granted', () => {
    const decision = decideSubscribe(device, 'devices/+/commands/#');
    expect(decision).toMatchObject({
      reason:
        'policy "p" does not grant subscribing to "devices/+/commands/#", only to "devices/dev1/commands/#"',
    });
  });
});

describe('under the policy "telemetry-reader"', () => {
  it('reads the telemetry of every device and publishes nothing', () => {
    expect(decideSubscribe(reader, 'devices/+/telemetry/#')).toMatchObject({ allowed: true });
    expect(decideDelivery(reader, 'devices/dev10/telemetry')).toMatchObject({ allowed: true });
    expect(decidePublish(reader, 'devices/dev1/telemetry')).toMatchObject({ allowed: false });
    expect(decideSubscribe(reader, 'devices/+/commands/#')).toMatchObject({ allowed: false });
  });
});

describe('when nothing is granted', () => {
  const nothing = grantsOf({});
  it('denies', () => {
    expect(decidePublish(nothing, 'a')).toMatchObject({ allowed: false, code: 'publish_denied' });
    expect(decideSubscribe(nothing, 'a')).toMatchObject({ allowed: false, code: 'subscribe_denied' });
    expect(decideDelivery(nothing, 'a')).toMatchObject({ allowed: false, code: 'subscribe_denied' });
  });
});

describe('when a deny and a grant both match', () => {
  const grants = grantsOf({ publish: ['a/#'], subscribe: ['a/#'], deny: ['a/+/secret'] });

  it('denies the publish, naming the deny', () => {
    expect(decidePublish(grants, 'a/b/secret')).toEqual({
      allowed: false,
      code: 'publish_denied',
      rule: 'a/+/secret',
      reason: 'policy "p" denies "a/+/secret"',
    });
    expect(decidePublish(grants, 'a/b/open')).toMatchObject({ allowed: true });
  });

  it('denies the delivery, naming the deny', () => {
    expect(decideDelivery(grants, 'a/b/secret')).toMatchObject({
      allowed: false,
      code: 'subscribe_denied',
      rule: 'a/+/secret',
    });
    expect(decideDelivery(grants, 'a/b/open')).toMatchObject({ allowed: true });
  });

  it.each(['a/#', 'a/b/+', 'a/b/#', 'a/b/secret', 'a/+/secret'])(
    'denies the subscription to %s, which the deny reaches into',
    (filter) => {
      expect(decideSubscribe(grants, filter)).toMatchObject({
        allowed: false,
        code: 'subscribe_denied',
        rule: 'a/+/secret',
      });
    },
  );
  it('allows a subscription that the deny does not reach', () => {
    expect(decideSubscribe(grants, 'a/+/open')).toMatchObject({ allowed: true });
  });
});

describe('topics that begin with $', () => {
  const everything = grantsOf({ publish: ['#', '+/#'], subscribe: ['#', '+/#'] });

  it.each(['$SYS/broker/new/clients', '$SYS', '$', '$share/g/a', '$SYS/\u0000', '$SYS/#'])(
    'are closed to publish and delivery before any policy: %j',
    (topic) => {
      const refusal = { allowed: false, code: 'topic_reserved', rule: null };
      expect(decidePublish(everything, topic)).toMatchObject(refusal);
      expect(decideDelivery(everything, topic)).toMatchObject(refusal);
    },
  );
  it.each(['$SYS/#', '$SYS/+/x', '$share/group/devices/dev1/commands/#', '$queue/a', '$'])(
    'are closed to subscriptions before any policy: %s',
    (filter) => {
      expect(decideSubscribe(everything, filter)).toMatchObject({
        allowed: false,
        code: 'topic_reserved',
        rule: null,
      });
    },
  );
});

describe('when the topic or filter is not well-formed', () => {
  const everything = grantsOf({ publish: ['#'], subscribe: ['#'] });

  it.each(['', 'a/+', '#', 'a\u0000', '\ud800', 'a'.repeat(65_536)])('refuses the topic %j', (topic) => {
    const refusal = { allowed: false, code: 'topic_name_invalid', rule: null };
    expect(decidePublish(everything, topic)).toMatchObject(refusal);
    expect(decideDelivery(everything, topic)).toMatchObject(refusal);
  });
  it.each(['', 'a+', '#/a', 'a\u0000/#', '\udc00/#'])('refuses the filter %j', (filter) => {
    expect(decideSubscribe(everything, filter)).toMatchObject({
      allowed: false,
      code: 'topic_filter_invalid',
      rule: null,
    });
  });
});

describe('with device IDs that trip careless code', () => {
  it.each(['constructor', 'hasOwnProperty', 'dev1.', 'a:b', '0'])('keeps %s apart from the others', (id) => {
    const grants = grantsOf(deviceDocument ?? {}, id);
    expect(decidePublish(grants, `devices/${id}/status`)).toMatchObject({ allowed: true });
    expect(decidePublish(grants, `devices/${id}0/status`)).toMatchObject({ allowed: false });
    expect(decidePublish(grants, 'devices/__proto__/status')).toMatchObject({ allowed: false });
  });
});

describe('whatever a policy grants and denies', () => {
  const rules = fc.array(
    filters.filter((filter) => !isReserved(filter)),
    { maxLength: 4 },
  );

  it('an allowed subscription brings only topics whose delivery is allowed', () => {
    fc.assert(
      fc.property(rules, rules, filters, topics, (subscribe, deny, filter, topic) => {
        const grants = grantsOf({ subscribe, deny });
        if (!decideSubscribe(grants, filter).allowed || !matches(filter, topic)) return;
        expect(decideDelivery(grants, topic)).toMatchObject({ allowed: true });
      }),
      { numRuns: 5000 },
    );
  });

  it('a publish is allowed just where some grant and no deny matches a topic that is not reserved', () => {
    fc.assert(
      fc.property(rules, rules, topics, (publish, deny, topic) => {
        const expected =
          !topic.startsWith('$') &&
          publish.some((rule) => matches(rule, topic)) &&
          !deny.some((rule) => matches(rule, topic));
        expect(decidePublish(grantsOf({ publish, deny }), topic).allowed).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});
