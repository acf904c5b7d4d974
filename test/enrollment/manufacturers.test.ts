/** Which CA certificates an admin may register for a manufacturer, and what is shown of them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuerView } from '../../core/api/issuers.ts';
import type { ManufacturerView } from '../../core/api/manufacturers.ts';
import type { OperatorCreated } from '../../core/api/operators.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { type Made, make, makeIntermediate, makeRoot } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { tryRegister } from './factory.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let root: Made;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  root = await makeRoot('Acme Root');
});
afterAll(() => service.close());

const put = (name: string, body: unknown, token?: string) =>
  service.operator<ManufacturerView & { code: string; detail: string }>(
    'PUT',
    `/manufacturers/${name}`,
    body,
    token,
  );
const outcomeOf = async (answer: ReturnType<typeof tryRegister>) => {
  const { status, body } = await answer;
  return [status, body.code];
};

describe('a manufacturer', () => {
  it('is registered with its rule, listed, replaced and removed, and each of it is in the journal', async () => {
    const line = await makeIntermediate('Acme Line', root);
    const first = await tryRegister(service, 'acme', [line, root], { idPrefix: 'acme-' });
    expect(first).toMatchObject({
      status: 200,
      body: {
        name: 'acme',
        group: null,
        admit: 'listed',
        idFrom: 'cn',
        idPrefix: 'acme-',
        certificates: [
          { subject: 'CN=Acme Line', anchor: true, fingerprint: line.certificate.fingerprint },
          { subject: 'CN=Acme Root', anchor: false, pem: root.certificate.pem },
        ],
      },
    });
    const second = await tryRegister(service, 'acme', [root], {
      group: 'devices',
      admit: 'any',
      idFrom: 'uri',
    });
    expect(second.body).toMatchObject({ idPrefix: '', certificates: [{ anchor: true }] });
    const { body: listed } = await service.operator<{ items: unknown[] }>('GET', '/manufacturers');
    expect(listed.items).toEqual([second.body]);
    expect((await service.operator('GET', '/manufacturers/acme')).body).toEqual(second.body);

    expect((await service.operator('DELETE', '/manufacturers/acme')).status).toBe(204);
    for (const method of ['GET', 'DELETE'] as const) {
      const gone = await service.operator(method, '/manufacturers/acme');
      expect(gone).toMatchObject({ status: 404, body: { code: 'manufacturer_unknown' } });
    }
    const { body } = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=10000');
    const rows = body.items.filter(({ event }) => event.subject === 'acme');
    expect(rows.map(({ event }) => event.action)).toEqual([
      'manufacturer.added',
      'manufacturer.added',
      'manufacturer.removed',
    ]);
    expect(rows[0]).toMatchObject({
      actor: 'operator:admin',
      event: {
        data: { admit: 'listed', idPrefix: 'acme-', anchors: [line.certificate.fingerprint] },
      },
    });
  });

  it('is read by viewers and changed by admins alone', async () => {
    for (const role of ['viewer', 'operator']) {
      const { body } = await service.operator<OperatorCreated>('POST', '/operators', { name: role, role });
      const changed = await put('theirs', { certificates: root.certificate.pem }, body.token);
      expect(changed).toMatchObject({ status: 403, body: { code: 'operator_role_insufficient' } });
      expect((await service.operator('GET', '/manufacturers', undefined, body.token)).status).toBe(200);
    }
  });

  it('may have roots in its file that have been issued anew with the same key', async () => {
    const next = await makeRoot('Acme Root', { privateKey: root.privateKey });
    const { body } = await tryRegister(service, 'renewed', [root, next]);
    expect(body.certificates.map(({ anchor }) => anchor)).toEqual([true, true]);
    await service.operator('DELETE', '/manufacturers/renewed');
  });
});

describe('a rule that is refused', () => {
  it.each([
    ['without a group where any device is admitted', { admit: 'any' }, 'request_invalid'],
    ['with a group that is not there', { group: 'nowhere' }, 'group_unknown'],
    ['with an ID from a field nobody knows', { idFrom: 'email' }, 'request_invalid'],
    ['with a prefix that begins no device ID', { idPrefix: '-' }, 'request_invalid'],
    ['with a prefix that leaves no room', { idPrefix: 'x'.repeat(33) }, 'request_invalid'],
    ['with a word too many', { trust: 'blindly' }, 'request_invalid'],
  ])('%s', async (_what, rule, code) => {
    expect((await put('acme', { certificates: root.certificate.pem, ...rule })).body.code).toBe(code);
  });
});

describe('a file of CA certificates that is refused', () => {
  const invalid = 'manufacturer_ca_invalid';
  it.each<[string, () => Promise<readonly Made[]>, string]>([
    ['with nothing in it', async () => [], 'pem_invalid'],
    [
      'with a device in it',
      async () => [await make({ subject: { cn: 'x' }, issuer: root })],
      'certificate_malformed',
    ],
    [
      'with a CA that may not sign',
      async () => [await makeRoot('Mute', { usages: ['digitalSignature'] })],
      'certificate_malformed',
    ],
    [
      'with a CA that has no basicConstraints',
      async () => [await makeRoot('Old', { ca: null })],
      'certificate_malformed',
    ],
    ['with an intermediate alone', async () => [await makeIntermediate('Line', root)], invalid],
    ['with one certificate twice', async () => [root, root], invalid],
    [
      'with a root that did not issue the intermediate',
      async () => [await makeIntermediate('Line', root), await makeRoot('Acme Root')],
      invalid,
    ],
    [
      'that has expired',
      async () => [await makeRoot('Past', { notBefore: 0, notAfter: 1_000_000 })],
      invalid,
    ],
    [
      'with more than a manufacturer has',
      () => Promise.all(Array.from({ length: 9 }, (_, n) => makeRoot(`R${n}`))),
      'pem_invalid',
    ],
    ['with the name of a CA of Gatehouse', async () => [await makeRoot('gatehouse  issuing ca')], invalid],
  ])('%s', async (_what, cas, code) => {
    expect(await outcomeOf(tryRegister(service, 'acme', await cas()))).toEqual([400, code]);
  });

  it('in text that is not PEM, broken, or more than PEM', async () => {
    const { pem } = root.certificate;
    for (const certificates of ['hello', pem.slice(0, -40), `${pem}trailing`, pem.replace('MII', 'M!I')]) {
      expect((await put('acme', { certificates })).body.code).toBe('pem_invalid');
    }
    const large = await put('acme', { certificates: `${'x'.repeat(24_577)}${pem}` });
    expect(large.body.code).toBe('request_invalid');
  });

  it('with a CA of Gatehouse itself', async () => {
    const { body } = await service.operator<{ items: IssuerView[] }>('GET', '/issuers');
    const pems = body.items.map(({ pem }) => pem);
    expect(pems).toHaveLength(2);
    for (const certificates of [pems[0], [...pems].reverse().join('')]) {
      expect((await put('acme', { certificates })).body.code).toBe(invalid);
    }
  });

  it('with a CA of another manufacturer, or one that cannot be told from it', async () => {
    const taken = await makeRoot('Taken Root');
    const plain = await makeRoot('Plain Root', { identifiers: false });
    expect((await tryRegister(service, 'owner', [taken, plain])).status).toBe(200);
    expect((await tryRegister(service, 'owner', [taken, plain])).status).toBe(200);
    const others = [
      taken,
      await makeRoot('Renamed Root', { privateKey: taken.privateKey }),
      await makeRoot('Plain Root', { identifiers: false }),
    ];
    for (const other of others) {
      expect(await outcomeOf(tryRegister(service, 'thief', [other]))).toEqual([400, invalid]);
    }
    expect((await tryRegister(service, 'namesake', [await makeRoot('Taken Root')])).status).toBe(200);
  });

  it('where there are a hundred CAs already', async () => {
    const { body } = await service.operator<{ items: ManufacturerView[] }>('GET', '/manufacturers');
    let count = body.items.reduce((sum, { certificates }) => sum + certificates.length, 0);
    const crowd = (size: number) =>
      Promise.all(Array.from({ length: size }, (_, index) => makeRoot(`Crowd ${index}`)));
    for (; count + 8 <= 100; count += 8) {
      expect((await tryRegister(service, `crowd-${count}`, await crowd(8))).status).toBe(200);
    }
    expect((await tryRegister(service, 'rest', await crowd(100 - count))).status).toBe(200);
    expect(await outcomeOf(tryRegister(service, 'last', await crowd(1)))).toEqual([400, invalid]);
  });
});
