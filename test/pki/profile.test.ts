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
      renewAfter: 2 / 3,
      extendedKeyUsage: ['clientAuth'],
      subject: {},
      subjectAltNames: { uri: [], dns: [] },
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

  it('tells from which part of the life on to renew', () => {
    expect(profileOf({ renewAfter: '50%' }).renewAfter).toBe(0.5);
    expect(profileOf({ renewAfter: '10%' }).renewAfter).toBe(0.1);
    expect(profileOf({ renewAfter: '90%' }).renewAfter).toBe(0.9);
  });

  it('keeps the templates of its names as they are', () => {
    const names = {
      subject: { organization: 'Example', serialNumber: '{attr.serial}' },
      subjectAltNames: { uri: ['urn:example:{id}'], dns: ['{id}.{group}.example'] },
    };
    expect(profileOf(names)).toMatchObject(names);
    expect(profileOf({ subjectAltNames: { uri: ['urn:a:b'] } }).subjectAltNames).toEqual({
      uri: ['urn:a:b'],
      dns: [],
    });
  });

  it('has each purpose once, in the order of the document', () => {
    const { extendedKeyUsage } = profileOf({
      extendedKeyUsage: ['serverAuth', 'clientAuth', 'serverAuth'],
      subjectAltNames: { dns: ['{id}.example'] },
    });
    expect(extendedKeyUsage).toEqual(['serverAuth', 'clientAuth']);
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
    'a renewal as a number': { renewAfter: 0.5 },
    'a renewal at once': { renewAfter: '9%' },
    'a renewal too late to try again': { renewAfter: '91%' },
    'a renewal by the day': { renewAfter: '30d' },
    'no purpose': { extendedKeyUsage: [] },
    'purposes without clientAuth': {
      extendedKeyUsage: ['serverAuth'],
      subjectAltNames: { dns: ['a.example'] },
    },
    'a purpose that would let a device answer for the CA': {
      extendedKeyUsage: ['clientAuth', 'OCSPSigning'],
    },
    'the same by our own word for it': { extendedKeyUsage: ['clientAuth', 'ocspSigning'] },
    'every purpose': { extendedKeyUsage: ['clientAuth', 'anyExtendedKeyUsage'] },
    'a purpose by its OID': { extendedKeyUsage: ['clientAuth', '1.3.6.1.5.5.7.3.9'] },
    'the signing of code': { extendedKeyUsage: ['clientAuth', 'codeSigning'] },
    'a server without a DNS name': { extendedKeyUsage: ['clientAuth', 'serverAuth'] },
    'a server with a URI alone': {
      extendedKeyUsage: ['clientAuth', 'serverAuth'],
      subjectAltNames: { uri: ['urn:a:b'] },
    },
    'a CN of its own': { subject: { commonName: '{attr.name}' } },
    'an attribute of the subject that there is not': { subject: { emailAddress: 'a@b.example' } },
    'an otherName': { subjectAltNames: { otherName: ['x'] } },
    'a mail address': { subjectAltNames: { rfc822Name: ['a@b.example'] } },
    'an IP address': { subjectAltNames: { ip: ['10.0.0.1'] } },
    'a name that is no list': { subjectAltNames: { dns: 'a.example' } },
    'more names than there may be': { subjectAltNames: { dns: Array.from('abcdefghi') } },
    'an empty template': { subject: { organization: '' } },
    'a template that is too long': { subject: { organization: 'a'.repeat(256) } },
    'a variable that there is not': { subject: { organization: '{name}' } },
    'an attribute of a name that there is not': { subject: { organization: '{attr.Name}' } },
    'a brace alone': { subjectAltNames: { uri: ['urn:a:{id'] } },
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
    expect(() => profileOf({ subjectAltNames: { dns: ['a', '{b}'] } })).toThrow(/^subjectAltNames\.dns\.1: /);
  });

  it('says which names there are where it refuses others', () => {
    expect(() => profileOf({ subjectAltNames: { otherName: ['x'] } })).toThrow(
      /^subjectAltNames: there is no "otherName" here; uri, dns are/,
    );
    expect(() => profileOf({ subject: { commonName: 'x' } })).toThrow(/serialNumber can stand beside the CN/);
    expect(() => profileOf({ extendedKeyUsage: ['clientAuth', 'codeSigning'] })).toThrow(
      /^extendedKeyUsage\.1: .*"clientAuth"\|"serverAuth"/,
    );
  });
});

it('says what a duration looks like where there is none', () => {
  expect(() => profileOf({ validity: 'for ever' })).toThrow(/^validity: a duration such as "30d"/);
});
