/** csrattrs: said where it can be said, which is one kind of key, and 204 otherwise. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { KeyKind } from '../../core/pki/public-key.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { callEst } from './est-client.ts';

describeWith(['openssl'], 'csrattrs', () => {
  const folder = temporaryFolder();
  let service: TestEnroll;
  beforeAll(async () => {
    service = await startTestEnroll(folder);
  });
  afterAll(() => service.close());

  async function groupWith(...keys: KeyKind[]): Promise<string> {
    const name = `only-${keys.join('-')}`;
    await service.operator('PUT', `/profiles/${name}`, { name, validity: '30d', keys });
    await service.operator('PUT', `/groups/${name}`, { profile: name, policy: 'device' });
    return name;
  }
  /** The types and values of DER, one a line, as openssl sees them. */
  function structureOf(base64: string): string[] {
    const input = Buffer.from(base64, 'base64');
    const output = execFileSync('openssl', ['asn1parse', '-inform', 'DER'], { input, encoding: 'utf8' });
    return output
      .trim()
      .split('\n')
      .map((line) =>
        line
          .replace(/^.*?(?:cons|prim): /, '')
          .replace(/\s+/g, ' ')
          .trim(),
      );
  }

  it.each<[KeyKind, string[]]>([
    ['ec-p256', ['SEQUENCE', 'SEQUENCE', 'OBJECT :id-ecPublicKey', 'SET', 'OBJECT :prime256v1']],
    ['ec-p384', ['SEQUENCE', 'SEQUENCE', 'OBJECT :id-ecPublicKey', 'SET', 'OBJECT :secp384r1']],
    ['ed25519', ['SEQUENCE', 'OBJECT :ED25519']],
    ['rsa', ['SEQUENCE', 'OBJECT :rsaEncryption']],
  ])('names the kind of key that the profile of the group takes: %s', async (kind, structure) => {
    const answer = await callEst(service, { path: `/${await groupWith(kind)}/csrattrs` });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/csrattrs',
      'content-transfer-encoding': 'base64',
      'content-length': String(answer.body.length),
    });
    expect(structureOf(answer.body)).toEqual(structure);
  });

  it('has nothing to say where there is a choice, or no group', async () => {
    for (const label of ['', '/devices', `/${await groupWith('ec-p256', 'ec-p384')}`]) {
      const answer = await callEst(service, { path: `${label}/csrattrs` });
      expect([answer.status, answer.body, answer.headers['transfer-encoding']]).toEqual([204, '', undefined]);
    }
  });
});
