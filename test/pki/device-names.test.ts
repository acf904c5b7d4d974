/** The names that a profile gives a certificate: what was asked for to the letter, or a refusal that says why not. */
import { X509Certificate } from 'node:crypto';
// Before toLegacyObject is called: that leaves node:tls without createSecureContext on Node 20 where it is loaded
// later, in this file and in all that the same worker runs after it.
import 'node:tls';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GatehouseError } from '../../core/errors.ts';
import { oids } from '../../core/pki/oids.ts';
import { anyCharacter } from '../support/any-character.ts';
import { certificateFields } from './certificate-fields.ts';
import { alternativesIn, issue, messageOf, subjectOf } from './issued-names.ts';
import { rejectionOf } from './refusal.ts';
import { deviceNamed } from './test-authority.ts';

describe('the subject', () => {
  const full = {
    serialNumber: '{attr.serial}',
    organizationalUnit: '{group}',
    organization: 'Exämple & Söhne',
    locality: 'Zürich',
    stateOrProvince: 'ZH',
    country: '{attr.country}',
  };
  const device = deviceNamed('press_7', { serial: 'SN 4711', country: 'CH' });

  it('has what the templates say, and the ID as its CN', async () => {
    expect(await subjectOf({ subject: full }, device)).toEqual({
      C: 'CH',
      ST: 'ZH',
      L: 'Zürich',
      O: 'Exämple & Söhne',
      OU: 'devices',
      serialNumber: 'SN 4711',
      CN: 'press_7',
    });
  });

  it('has them in the usual order, as PrintableString or UTF8String (RFC 5280 §4.1.2.4)', async () => {
    const { subject } = certificateFields((await issue({ subject: full }, device)).der);
    const types = [
      ...Buffer.from(subject)
        .toString('hex')
        .matchAll(/0603(5504..)(0c|13)/g),
    ];
    expect(types.map(([, oid, type]) => [oid, type])).toEqual([
      ['550406', '13'],
      ['550408', '0c'],
      ['550407', '0c'],
      ['55040a', '0c'],
      ['55040b', '0c'],
      ['550405', '13'],
      ['550403', '0c'],
    ]);
  });

  it('holds an attribute with all that means something in names, without becoming another name', async () => {
    const name = 'x, CN=other + CN=third / CN=\\"fourth"';
    const asked = { subject: { organization: '{attr.name}' } };
    expect(await subjectOf(asked, deviceNamed('press-7', { name }))).toEqual({ O: name, CN: 'press-7' });
  });

  it('takes as much as X.520 allows and no more, in characters', async () => {
    for (const [field, bound] of [
      ['organization', 64],
      ['organizationalUnit', 64],
      ['locality', 128],
      ['stateOrProvince', 128],
      ['serialNumber', 64],
    ] as const) {
      const letter = field === 'serialNumber' ? '7' : '𝒳';
      const of = (length: number) => issue({ subject: { [field]: letter.repeat(length) } });
      expect(await rejectionOf(() => of(bound))).toBeNull();
      expect(await rejectionOf(() => of(bound + 1))).toBe('certificate_name_invalid');
    }
  });

  const invalid: Readonly<Record<string, [field: string, value: string]>> = {
    'a country of one letter': ['country', 'D'],
    'a country in small letters': ['country', 'de'],
    'a country of three letters': ['country', 'DEU'],
    'a country of Cyrillic letters': ['country', 'СН'],
    'an underscore in the serial number': ['serialNumber', 'SN_1'],
    'a serial number that begins with a space': ['serialNumber', ' 1'],
    'a line break': ['organization', 'Example\nCN=other'],
    'a null character': ['organization', 'Example\0'],
    'an invisible character': ['organization', 'Exam\u200bple'],
    'a change of writing direction': ['organizationalUnit', 'abc\u202edef'],
    'half a character': ['locality', 'abc\ud800'],
    'nothing but a space': ['locality', ' '],
    'a space at the end': ['stateOrProvince', 'abc '],
  };
  for (const [what, [field, value]] of Object.entries(invalid)) {
    it(`is refused with ${what}, from a template or from an attribute`, async () => {
      const literal = () => issue({ subject: { [field]: value } });
      const filled = () => issue({ subject: { [field]: '{attr.a}' } }, deviceNamed('press-7', { a: value }));
      expect(await rejectionOf(literal)).toBe('certificate_name_invalid');
      expect(await rejectionOf(filled)).toBe('certificate_name_invalid');
      expect(await messageOf(filled())).toMatch(new RegExp(`^subject\\.${field}: .*device press-7`));
    });
  }
});

describe('a device without the attribute that a template asks for', () => {
  it.each([
    ['none', {}],
    ['an empty one', { serial: '' }],
    ['one of the prototype', { constructor: 'x' }],
  ])('is refused, and told which: %s', async (_name, attributes) => {
    for (const fields of [
      { subject: { serialNumber: 'SN-{attr.serial}' } },
      { subjectAltNames: { uri: ['urn:example:{attr.serial}'] } },
      { subjectAltNames: { dns: ['{attr.serial}.example'] } },
    ]) {
      const attempt = () => issue(fields, deviceNamed('press-7', attributes as Record<string, string>));
      expect(await rejectionOf(attempt)).toBe('attribute_missing');
      expect(await messageOf(attempt())).toMatch(/^subject.*: the device press-7 has no attribute "serial"$/);
    }
  });
});

describe('the purposes', () => {
  it('are those of the profile, in its order, each once', async () => {
    const asked = {
      extendedKeyUsage: ['serverAuth', 'clientAuth', 'serverAuth'],
      subjectAltNames: { dns: ['{id}.example'] },
    };
    const { keyUsage } = new X509Certificate((await issue(asked)).der);
    expect(keyUsage).toEqual([oids.serverAuth, oids.clientAuth]);
  });
});

describe('whatever the templates and the device', () => {
  const variables = ['{id}', '{group}', '{attr.a}', '{attr.b}'];
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    { weight: 8, arbitrary: fc.stringMatching(/^[a-z0-9]{1,6}$/) },
    { weight: 2, arbitrary: fc.stringMatching(/^[A-Z]{2}$/) },
    fc.stringMatching(/^[a-z0-9.-]{0,12}$/),
    fc.string({ unit: anyCharacter, maxLength: 4 }),
  );
  const template = fc
    .array(fc.oneof(fc.constantFrom(...variables), text), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join(''));
  const subject = fc.record(
    {
      country: fc.oneof(template, fc.constant('DE')),
      organization: template,
      organizationalUnit: template,
      serialNumber: template,
    },
    { requiredKeys: [] },
  );
  const subjectAltNames = fc.record({
    uri: fc.array(
      fc.oneof(
        template,
        template.map((end) => `urn:x:${end}`),
        template.map((end) => `https://x.example/${end}`),
      ),
      { maxLength: 2 },
    ),
    dns: fc.array(
      fc.oneof(
        template,
        template.map((start) => `${start}.example`),
      ),
      { maxLength: 2 },
    ),
  });
  const device = fc
    .record({
      id: fc.oneof(
        fc.stringMatching(/^[a-z0-9]{1,6}$/),
        fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,12}$/),
      ),
      attributes: fc.record({ a: text, b: text }, { requiredKeys: [] }),
    })
    .map(({ id, attributes }) => deviceNamed(id, attributes));

  it('a certificate has exactly the names that were asked for, or there is none and a reason', async () => {
    let issued = 0;
    await fc.assert(
      fc.asyncProperty(subject, subjectAltNames, device, async (subject, subjectAltNames, device) => {
        const values: Readonly<Record<string, string>> = {
          '{id}': device.id,
          '{group}': device.group,
          '{attr.a}': device.attributes.a ?? '',
          '{attr.b}': device.attributes.b ?? '',
        };
        const filled = (template: string) =>
          template.replace(/\{(?:id|group|attr\.[ab])\}/g, (variable) => values[variable] ?? '');
        let der: Uint8Array;
        try {
          ({ der } = await issue({ subject, subjectAltNames }, device));
        } catch (error) {
          const code = error instanceof GatehouseError ? error.code : error;
          expect(['profile_invalid', 'attribute_missing', 'certificate_name_invalid']).toContain(code);
          return;
        }
        issued += 1;
        const certificate = new X509Certificate(der);
        const shortNames = {
          country: 'C',
          organization: 'O',
          organizationalUnit: 'OU',
          serialNumber: 'serialNumber',
        };
        const expected = Object.entries(subject).map(([field, template]) => [
          shortNames[field as keyof typeof shortNames],
          filled(template),
        ]);
        expect({ ...certificate.toLegacyObject().subject }).toEqual({
          ...Object.fromEntries(expected),
          CN: device.id,
        });
        expect(alternativesIn(certificate)).toEqual([
          ...new Set([
            ...subjectAltNames.uri.map((template) => `URI:${filled(template)}`),
            ...subjectAltNames.dns.map((template) => `DNS:${filled(template)}`),
          ]),
        ]);
      }),
      { numRuns: 1_500 },
    );
    // Else the property would say nothing.
    expect(issued).toBeGreaterThan(20);
  });
});
