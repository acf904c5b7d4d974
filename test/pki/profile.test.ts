/** Certificate profiles as operators write them. */
import { describe, expect, it } from '@jest/globals';
import { defaultProfile, parseProfile } from '../../core/pki/profile.ts';
import { keyKinds } from '../../core/pki/public-key.ts';
import { refusalOf } from './refusal.ts';
import { DAY, SECOND } from './test-authority.ts';

const profileOf = (fields: object) => parseProfile({ name: 'device', validity: '90d', ...fields });

describe('a profile', () => {
  it('by default gives 90 days to keys of any kind, 60 seconds back', () => {
    const expected = {
      name: 'device',
      validity: 90 * DAY,
      backdate: 60 * SECOND,
      keys: [...keyKinds],
      serverKeygen: false,
    };
    expect(parseProfile(defaultProfile)).toEqual(expected);
    expect(parseProfile({ name: 'device', validity: '90d' })).toEqual(expected);
  });

  it('takes durations with a unit, or in seconds', () => {
    for (const [validity, expected] of [
      ['45s', 45 * SECOND],
      ['30m', 1_800 * SECOND],
      ['12h', DAY / 2],
      ['1y', 365 * DAY],
      [3_600, 3_600 * SECOND],
    ] as const) {
      expect(profileOf({ validity }).validity).toBe(expected);
    }
    expect(profileOf({ backdate: 0 }).backdate).toBe(0);
  });

  const invalid = {
    'no validity': { validity: undefined },
    'a validity of nothing': { validity: 0 },
    'a negative one': { validity: -60 },
    'one beyond 100 years': { validity: '101y' },
    'one that is no number': { validity: Number.NaN },
    'one without a unit': { validity: '90' },
    'one with a foreign unit': { validity: '3w' },
    'a backdate beyond a day': { backdate: '25h' },
    'no kind of key': { keys: [] },
    'an unknown kind of key': { keys: ['ec-p521'] },
    'a field that there is not': { validty: '90d' },
    'a name of another type': { name: 7 },
  };
  for (const [name, fields] of Object.entries(invalid)) {
    it(`is refused with ${name}`, () => expect(refusalOf(() => profileOf(fields))).toBe('profile_invalid'));
  }

  it('is refused where it is no document', () => {
    for (const document of [null, 'device', [], 5]) {
      expect(refusalOf(() => parseProfile(document))).toBe('profile_invalid');
    }
  });

  it('is refused with a name that is none', () => {
    expect(refusalOf(() => profileOf({ name: 'No Name' }))).toBe('name_invalid');
  });

  it('names the field that is wrong', () => {
    expect(() => profileOf({ backdate: 'soon' })).toThrow(/^backdate: /);
    expect(() => profileOf({ keys: ['ec-p256', 'dsa'] })).toThrow(/^keys\.1: /);
    expect(() => profileOf({ validty: '90d' })).toThrow(/validty/);
  });
});
