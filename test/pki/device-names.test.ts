/** The names that a profile gives a certificate: what was asked for to the letter, or a refusal that says why not. */
import { X509Certificate } from 'node:crypto';
// Before toLegacyObject is called: that leaves node:tls without createSecureContext on Node 20 where it is loaded
// later, in this file and in all that the same worker runs after it.
import 'node:tls';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GatehouseError } from '../../core/errors.ts';
import type { IssuedCertificate } from '../../core/pki/issue.ts';
import { issueDeviceCertificate } from '../../core/pki/issue.ts';
import { oids } from '../../core/pki/oids.ts';
import { parseProfile } from '../../core/pki/profile.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import type { TemplateSubject } from '../../core/template.ts';
import { certificateFields } from './certificate-fields.ts';
import { rejectionOf } from './refusal.ts';
import { createAuthority, deviceNamed, generateKeyPair, STATUS_URL } from './test-authority.ts';

const now = Date.UTC(2026, 4, 1);
const { issuing } = await createAuthority({ now });
const publicKey = publicKeyOf(generateKeyPair('ec-p256').publicKey);

function issue(
  fields: object,
  device: TemplateSubject = deviceNamed('press-7'),
  reservedHostnames: readonly string[] = [],
): Promise<IssuedCertificate> {
  const profile = parseProfile({ name: 'gateway', validity: '90d', ...fields });
  return issueDeviceCertificate({
    issuer: issuing,
    profile,
    device,
    publicKey,
    now,
    statusUrl: STATUS_URL,
    reservedHostnames,
  });
}
async function subjectOf(fields: object, device?: TemplateSubject): Promise<unknown> {
  const { subject } = new X509Certificate((await issue(fields, device)).der).toLegacyObject();
  return { ...subject };
}
async function alternativesOf(fields: object, device?: TemplateSubject): Promise<string[]> {
  return alternativesIn(new X509Certificate((await issue(fields, device)).der));
}
/** As node writes them: apart by commas, and in quotes where they hold something special themselves. */
function alternativesIn({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.matchAll(/(URI|DNS):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g);
  return Array.from(names, ([, type, quoted, plain]) => `${type}:${quoted ? JSON.parse(quoted) : plain}`);
}
const messageOf = async (attempt: Promise<unknown>) =>
  attempt.then(
    () => null,
    (error: unknown) => (error instanceof GatehouseError ? error.message : error),
  );

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

describe('the subjectAltName', () => {
  it('has the URIs and DNS names of the templates, once each, and is not critical', async () => {
    const subjectAltNames = {
      uri: [
        'urn:example:device:{id}',
        'spiffe://example.org/{group}/{attr.line}',
        'urn:example:device:press-7',
      ],
      dns: ['{id}.devices.example', '{attr.line}.{group}.example'],
    };
    const device = deviceNamed('press-7', { line: 'a' });
    expect(await alternativesOf({ subjectAltNames }, device)).toEqual([
      'URI:urn:example:device:press-7',
      'URI:spiffe://example.org/devices/a',
      'DNS:press-7.devices.example',
      'DNS:a.devices.example',
    ]);
    const { extensions } = certificateFields((await issue({ subjectAltNames }, device)).der);
    expect(extensions.get(oids.subjectAltName)).toMatch(/^30/);
  });

  it('is not there where the profile has no names for it', async () => {
    for (const fields of [{}, { subjectAltNames: {} }, { subjectAltNames: { uri: [], dns: [] } }]) {
      const { extensions } = certificateFields((await issue(fields)).der);
      expect(extensions.has(oids.subjectAltName)).toBe(false);
    }
  });

  it.each([
    'press:7.devices.example',
    'press_7.devices.example',
    'Press-7.devices.example',
    '-press.devices.example',
    'press-.devices.example',
    'press..example',
    '.example',
    'example.',
    '*.devices.example',
    'prëss.example',
    'pr ess.example',
    '10.0.0.1',
    'press.7',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(126)}aa`,
  ])('takes no DNS name like %s', async (name) => {
    const literal = () => issue({ subjectAltNames: { dns: [name] } });
    expect(await rejectionOf(literal)).toBe('certificate_name_invalid');
    expect(await messageOf(literal())).toMatch(/^subjectAltNames\.dns\.0: /);
  });

  it.each(['press:7', 'press_7', 'Press-7', 'press.'])(
    'takes no DNS name from the device ID %s',
    async (id) => {
      const attempt = () => issue({ subjectAltNames: { dns: ['{id}.devices.example'] } }, deviceNamed(id));
      expect(await rejectionOf(attempt)).toBe('certificate_name_invalid');
    },
  );

  it.each([
    'press-7',
    '/devices/press-7',
    '//devices.example/press-7',
    'urn:',
    '7up:press',
    'HTTPS://devices.example/',
    'https://Devices.example/',
    'https:///press-7',
    'https://user@devices.example/',
    'https://10.0.0.300/',
    'https://[::1]/',
    'https://devices.example:port/',
    'https://devices.example/a/../b',
    'https://devices.example/.',
    'urn:example:press 7',
    'urn:example:prëss',
    'urn:example:%7',
    'urn:example:<7>',
    'urn:example:\u0007',
  ])('takes no URI like %s', async (uri) => {
    const literal = () => issue({ subjectAltNames: { uri: [uri] } });
    expect(await rejectionOf(literal)).toBe('certificate_name_invalid');
    expect(await messageOf(literal())).toMatch(/^subjectAltNames\.uri\.0: /);
  });

  it.each(['a/b', '..', '?a', '#a', '%41', 'a@b', 'a b', 'ä', 'a\nb'])(
    'takes no value into a URI that could begin another part of it: %j',
    async (value) => {
      const asked = { subjectAltNames: { uri: ['https://devices.example/{attr.a}/x'] } };
      const attempt = () => issue(asked, deviceNamed('press-7', { a: value }));
      expect(await rejectionOf(attempt)).toBe('certificate_name_invalid');
    },
  );

  it.each(['urn:a:b', 'https://devices.example:8443/a?b=c#d', 'https://10.0.0.1/', 'tag:example,2026:a'])(
    'takes the URI %s',
    async (uri) => expect(await alternativesOf({ subjectAltNames: { uri: [uri] } })).toEqual([`URI:${uri}`]),
  );

  it('has no name of Gatehouse itself, however it is written', async () => {
    const asked = { subjectAltNames: { dns: ['{attr.host}'] } };
    const of = (host: string) =>
      rejectionOf(() => issue(asked, deviceNamed('press-7', { host }), ['Gate.Example', '10.0.0.1']));
    expect(await of('gate.example')).toBe('certificate_name_invalid');
    expect(await of('GATE.example')).toBe('certificate_name_invalid');
    expect(await of('press.gate.example')).toBeNull();
  });
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
    fc.string({ unit: 'binary', maxLength: 4 }),
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
