/** What is no factory certificate, or not one of a manufacturer that is registered, enrolls nobody. */

import { createPublicKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { callEst, csrText } from '../est/est-client.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { type Made, make, makeDevice, makeIntermediate, makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { enrollBy, enrolledBy, expectRefused, register } from './factory.ts';
import { enrollHolder } from './renewing.ts';

const HOUR = 3_600_000;
const folder = temporaryFolder();
let service: TestEnroll;
let root: Made;
let line: Made;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  root = await makeRoot('Acme Root');
  line = await makeIntermediate('Acme Line 1', root);
  await register(service, 'acme', [root]);
});
afterAll(() => service.close());

const untrusted = (answer: ReturnType<typeof enrollBy>) =>
  expectRefused(answer, 401, 'factory_certificate_untrusted');

describe('a chain that is refused', () => {
  it.each<[string, () => Promise<Made>]>([
    ['of a CA nobody registered', async () => makeDevice(await makeRoot('Stranger'), { cn: 'stranger' })],
    [
      'of a look-alike CA of the same name',
      async () => makeDevice(await makeRoot('Acme Root'), { cn: 'fake' }),
    ],
    [
      'of a look-alike that claims the key identifier as well',
      async () => {
        const fake = await makeRoot('Acme Root', { identifiers: false });
        return makeDevice(fake, { cn: 'fake' }, { identifiers: false });
      },
    ],
    ['of nobody: self-signed', () => make({ subject: { cn: 'lonely' }, issuer: null })],
    [
      'over an intermediate that is no CA',
      async () => makeDevice(await makeIntermediate('Not a CA', root, { ca: false }), { cn: 'sub' }),
    ],
    [
      'over a device of the manufacturer',
      async () => makeDevice(await makeDevice(root, { cn: 'insider' }), { cn: 'sub' }),
    ],
    [
      'over an intermediate that may not sign certificates',
      async () =>
        makeDevice(await makeIntermediate('No Signer', root, { usages: ['digitalSignature'] }), {
          cn: 'sub',
        }),
    ],
    [
      'with its intermediate missing',
      async () => {
        const device = await makeDevice(line, { cn: 'incomplete' });
        return { ...device, cert: device.certificate.pem };
      },
    ],
    ['of a CA itself: its key is in no device', async () => line],
    [
      'of more certificates than there are CAs in the world',
      async () => {
        const device = await makeDevice(line, { cn: 'wordy' });
        const noise = await Promise.all(Array.from({ length: 8 }, (_, index) => makeRoot(`Noise ${index}`)));
        return { ...device, cert: device.cert + noise.map(({ cert }) => cert).join('') };
      },
    ],
  ])('%s', async (_what, device) => {
    await untrusted(enrollBy(service, await device()));
  });

  it.each<[string, () => Promise<Made>]>([
    [
      'that has expired',
      () =>
        makeDevice(line, { cn: 'late' }, { notBefore: Date.now() - 2 * HOUR, notAfter: Date.now() - HOUR }),
    ],
    ['that is not valid yet', () => makeDevice(line, { cn: 'early' }, { notBefore: Date.now() + HOUR })],
    [
      'whose intermediate has expired',
      async () => {
        const old = await makeIntermediate('Old Line', root, {
          notBefore: Date.now() - 2 * HOUR,
          notAfter: Date.now() - HOUR,
        });
        return makeDevice(old, { cn: 'late-line' });
      },
    ],
  ])('%s', async (_what, device) => {
    await expectRefused(enrollBy(service, await device()), 403, 'factory_certificate_expired');
  });

  it('is refused before anything else that was sent is read', async () => {
    const device = await makeDevice(await makeRoot('Stranger'), { cn: 'stranger' });
    await untrusted(service.enroll(null, 'not a request', device));
    const known = await service.enroll(null, 'not a request', await makeDevice(line, { cn: 'known' }));
    expect(known.body.code).toBe('csr_not_pem');
  });

  it('is told to send a token, as clients expect that hold one back', async () => {
    const device = await makeDevice(await makeRoot('Stranger'), { cn: 'stranger' });
    const body = csrText({ commonName: 'stranger', privateKey: newKey() });
    const answer = await callEst(service, { path: '/simpleenroll', body, tls: device });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Basic realm="gatehouse"']);
  });
});

describe('two manufacturers', () => {
  it('whose CAs have one name are told apart', async () => {
    const [one, other] = [await makeRoot('Common Root'), await makeRoot('Common Root')];
    await register(service, 'one', [one], { idPrefix: 'one-' });
    await register(service, 'other', [other], { idPrefix: 'other-' });
    expect((await enrolledBy(service, await makeDevice(one, { cn: '1' }))).deviceId).toBe('one-1');
    expect((await enrolledBy(service, await makeDevice(other, { cn: '1' }))).deviceId).toBe('other-1');
    const lines = [await makeIntermediate('Common Line', one), await makeIntermediate('Common Line', other)];
    const ids = await Promise.all(
      lines.map(async (ca) => (await enrolledBy(service, await makeDevice(ca, { cn: '2' }))).deviceId),
    );
    expect(ids).toEqual(['one-2', 'other-2']);
  });

  it('of which one issued the other: the nearest counts', async () => {
    const above = await makeRoot('Great Root');
    const below = await makeIntermediate('Great Line', above);
    await register(service, 'above', [above], { idPrefix: 'above-' });
    await register(service, 'below', [below, above], { idPrefix: 'below-' });
    const device = await makeDevice(below, { cn: '1' });
    expect((await enrolledBy(service, device)).deviceId).toBe('below-1');
    const beside = await makeIntermediate('Great Line 2', above);
    expect((await enrolledBy(service, await makeDevice(beside, { cn: '1' }))).deviceId).toBe('above-1');
  });

  it('to both of which a chain leads are both refused', async () => {
    const [one, other] = [await makeRoot('Cross A'), await makeRoot('Cross B')];
    await register(service, 'cross-a', [one]);
    await register(service, 'cross-b', [other]);
    const shared = await makeIntermediate('Shared Line', one);
    const cross = await makeIntermediate('Shared Line', other, { privateKey: shared.privateKey });
    const device = await makeDevice(shared, { cn: 'two-masters' });
    await untrusted(enrollBy(service, { ...device, cert: device.cert + cross.cert }));
  });

  it('do not mix up where a malicious one certifies the key of the other’s device as a CA', async () => {
    const [victim, malicious] = [await makeRoot('Victim'), await makeRoot('Malicious')];
    await register(service, 'victim', [victim], { idPrefix: 'victim-' });
    await register(service, 'malicious', [malicious], { idPrefix: 'malicious-' });
    const stolen = await makeDevice(
      victim,
      { cn: 'stolen' },
      {
        usages: [],
        ca: null,
        notBefore: Date.now() - 2 * HOUR,
        notAfter: Date.now() - HOUR,
      },
    );
    const promoted = await makeIntermediate('stolen', malicious, { privateKey: stolen.privateKey });
    const device = await makeDevice(promoted, { cn: 'x' });
    for (const cert of [
      device.certificate.pem + stolen.cert + promoted.cert,
      device.certificate.pem + promoted.cert + stolen.cert,
    ]) {
      const { body } = await enrollBy(service, { ...device, cert });
      expect(body.deviceId ?? body.code).not.toMatch(/^victim/);
    }
  });
});

describe('an intermediate that a manufacturer is narrowed to', () => {
  it('keeps out what the same root issued elsewhere', async () => {
    const maker = await makeRoot('Maker Root');
    const ours = await makeIntermediate('Our Line', maker);
    const theirs = await makeIntermediate('Their Line', maker);
    await register(service, 'narrowed', [ours, maker]);
    await enrolledBy(service, await makeDevice(ours, { cn: 'ours' }));
    await untrusted(enrollBy(service, await makeDevice(theirs, { cn: 'theirs' })));
    await untrusted(enrollBy(service, await makeDevice(maker, { cn: 'direct' })));
  });
});

describe('a key', () => {
  it('of the factory that is on the block-list enrolls nothing', async () => {
    const device = await makeDevice(line, { cn: 'leaked' });
    const { keyFingerprint: fingerprint } = publicKeyOf(createPublicKey(device.privateKey));
    await service.operator('POST', '/blocked-keys', { fingerprint, note: 'found in an image' });
    await expectRefused(enrollBy(service, device), 403, 'key_blocked');
  });
});

describe('a device that is', () => {
  it.each([
    ['suspend', 'device_suspended'],
    ['revoke', 'device_revoked'],
  ])('barred by device %s stays out, with any key', async (action, code) => {
    const id = `to-${action}`;
    const device = await makeDevice(line, { cn: id });
    const privateKey = newKey();
    await enrolledBy(service, device, { privateKey });
    await service.operator('POST', `/devices/${id}/${action}`, {});
    await expectRefused(enrollBy(service, device, { privateKey }), 403, code);
    await expectRefused(enrollBy(service, device), 403, code);
  });
});

describe('a certificate', () => {
  it('of Gatehouse itself is no factory certificate', async () => {
    const holder = await enrollHolder(service, 'own');
    const answer = await service.enroll(
      null,
      await csrPem({ commonName: 'own', privateKey: newKey() }),
      holder,
    );
    expect([answer.status, answer.body.code]).toEqual([401, 'factory_certificate_untrusted']);
  });

  it('of Gatehouse itself is none either where a manufacturer certifies the CA that issued it', async () => {
    const holder = await enrollHolder(service, 'cross-signed');
    const { publicKey } = new X509Certificate(holder.chain);
    const cross = await makeIntermediate('Gatehouse Issuing CA', root, { publicKey, identifiers: false });
    const chain = [holder.certificate, cross.certificate.pem, holder.chain];
    for (const cert of [chain, chain.slice(0, 2)]) {
      const answer = await service.enroll(null, await csrPem({ commonName: null, privateKey: newKey() }), {
        key: holder.key,
        cert: cert.join(''),
      });
      expect([answer.status, answer.body.code]).toEqual([401, 'factory_certificate_untrusted']);
    }
  });

  it('of a factory renews nothing, enrolled or not', async () => {
    for (const id of ['fresh', 'enrolled']) {
      const device = await makeDevice(line, { cn: id });
      if (id === 'enrolled') await enrolledBy(service, device, { privateKey: device.privateKey });
      const csr = await csrPem({ commonName: id, privateKey: device.privateKey });
      expect((await service.renew(device, csr)).body).toMatchObject({
        status: 403,
        code: 'certificate_unknown',
      });
      const body = csrText({ commonName: id, privateKey: device.privateKey });
      const answer = await callEst(service, { path: '/simplereenroll', body, tls: device });
      expect([answer.status, answer.body]).toEqual([403, expect.stringMatching(/^certificate_unknown: /)]);
    }
  });

  it('of a factory gets no key made for it', async () => {
    const device = await makeDevice(line, { cn: 'keyless' });
    const body = csrText({ commonName: 'keyless', privateKey: newKey() });
    const headers = { 'User-Agent': 'curl' };
    const answer = await callEst(service, { path: '/serverkeygen', body, headers, tls: device });
    expect([answer.status, answer.body]).toEqual([401, expect.stringMatching(/^token_missing: /)]);
  });
});
