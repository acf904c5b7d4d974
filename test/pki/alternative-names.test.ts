/** The subjectAltName that a profile gives: what was asked for to the letter, or a refusal that says why not. */
import { describe, expect, it } from '@jest/globals';
import { oids } from '../../core/pki/oids.ts';
import { certificateFields } from './certificate-fields.ts';
import { alternativesOf, issue, messageOf } from './issued-names.ts';
import { rejectionOf } from './refusal.ts';
import { deviceNamed } from './test-authority.ts';

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
