/** How a device comes by its identity, above all when it is cut off on the way. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { enrollIdentity } from '../../device-sim/identity/enroll-identity.ts';
import { isCertificateFor, loadIdentity } from '../../device-sim/identity/identity.ts';
import {
  folderStorage,
  type IdentityPart,
  type IdentityStorage,
  identityParts,
  memoryStorage,
} from '../../device-sim/identity/identity-storage.ts';
import { privateKeyPem } from '../../device-sim/identity/private-key.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Authority, createAuthority } from './support/authority.ts';

const id = parseDeviceId('press-7');
const FILES = identityParts;

let authority: Authority;
beforeEach(async () => {
  authority = await createAuthority();
});

function enrollWith(storage: IdentityStorage, enroll: (csr: string) => Promise<EnrollResponse>) {
  return enrollIdentity({ storage, requestedId: id, keyType: 'ec-p256', enroll });
}

/** Power fails at one write: before anything of it lasts, or just after all of it does. */
function failingAt(storage: IdentityStorage, file: IdentityPart, when: 'before' | 'after'): IdentityStorage {
  return {
    ...storage,
    async write(name, content) {
      if (name === file && when === 'before') throw new Error('power failure');
      await storage.write(name, content);
      if (name === file) throw new Error('power failure');
    },
  };
}

describe('when cut off', () => {
  const points = FILES.flatMap((file) => [[file, 'before'] as const, [file, 'after'] as const]);

  it.each(points)(
    'at writing %s (%s it lasts), it goes on with one key and one certificate',
    async (file, when) => {
      const storage = memoryStorage();
      await expect(enrollWith(failingAt(storage, file, when), authority.enroll)).rejects.toThrow(
        'power failure',
      );
      const keyThen = await storage.read('key.pem');

      const identity =
        (await loadIdentity(storage)) ?? (await enrollWith(storage, (csr) => authority.enroll(csr)));

      expect([...authority.issued.values()]).toEqual([1]);
      if (keyThen !== undefined) expect(identity.key).toBe(keyThen);
      expect(await loadIdentity(storage)).toEqual(identity);
    },
  );

  it('at every write in turn, one after the other, it still ends with one certificate', async () => {
    const storage = memoryStorage();
    for (const file of FILES) {
      await expect(enrollWith(failingAt(storage, file, 'after'), authority.enroll)).rejects.toThrow(
        'power failure',
      );
    }
    expect([...authority.issued.values()]).toEqual([1]);
    expect((await loadIdentity(storage))?.deviceId).toBe(id);
  });

  it('while the answer was on its way, it asks again with the same request', async () => {
    const storage = memoryStorage();
    const requests: string[] = [];
    const losing = async (csr: string): Promise<EnrollResponse> => {
      requests.push(csr);
      await authority.enroll(csr);
      throw new Error('connection lost');
    };
    await expect(enrollWith(storage, losing)).rejects.toThrow('connection lost');
    await expect(enrollWith(storage, losing)).rejects.toThrow('connection lost');
    expect(requests[1]).toBe(requests[0]);
    expect([...authority.issued.values()]).toEqual([1]);
  });

  it('before the certificate lasts, it has no identity yet', async () => {
    const storage = memoryStorage();
    await expect(enrollWith(failingAt(storage, 'cert.pem', 'before'), authority.enroll)).rejects.toThrow();
    expect(await loadIdentity(storage)).toBeUndefined();
  });
});

describe('the request', () => {
  it('is made anew where the stored one asks for another name, with the same key', async () => {
    const storage = memoryStorage();
    const other = parseDeviceId('press-8');
    const refused = async () => Promise.reject(new Error('refused'));
    await expect(
      enrollIdentity({ storage, requestedId: other, keyType: 'ec-p256', enroll: refused }),
    ).rejects.toThrow('refused');
    const key = await storage.read('key.pem');
    const identity = await enrollWith(storage, authority.enroll);
    expect(identity.deviceId).toBe(id);
    expect(identity.key).toBe(key);
  });

  it('is made anew where the stored one is damaged', async () => {
    const storage = memoryStorage();
    await storage.write('request.pem', '-----BEGIN CERTIFICATE REQUEST-----\n????');
    expect((await enrollWith(storage, authority.enroll)).deviceId).toBe(id);
  });

  it('asks for a name derived from the key where none is wanted', async () => {
    const identity = await enrollIdentity({
      storage: memoryStorage(),
      requestedId: undefined,
      keyType: 'ec-p256',
      enroll: authority.enroll,
    });
    expect(identity.deviceId).toMatch(/^sim-[0-9a-f]{12}$/);
    expect(
      authority.issued.has(
        [...authority.issued.keys()].find((key) => key.startsWith(identity.deviceId.slice(4))) ?? '',
      ),
    ).toBe(true);
  });
});

describe('a certificate in the answer', () => {
  const attempts: [string, (answer: EnrollResponse) => EnrollResponse | Promise<EnrollResponse>][] = [
    ['for another key', async () => (await stranger()) as EnrollResponse],
    [
      'under another name than the answer says',
      (answer) => ({ ...answer, deviceId: parseDeviceId('press-9') }),
    ],
    ['that is none', (answer) => ({ ...answer, certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n' })],
  ];
  const stranger = async () => {
    let answer: EnrollResponse | undefined;
    await enrollWith(memoryStorage(), async (csr) => {
      answer = await authority.enroll(csr);
      return answer;
    });
    return answer;
  };

  it.each(attempts)('%s is refused, and nothing of it is kept', async (_what, change) => {
    const storage = memoryStorage();
    const enroll = async (csr: string) => change(await authority.enroll(csr));
    await expect(enrollWith(storage, enroll)).rejects.toMatchObject({ code: 'enrollment_failed' });
    expect(await storage.read('chain.pem')).toBeUndefined();
    expect(await loadIdentity(storage)).toBeUndefined();
  });
});

describeWith(['openssl'], 'the name in a certificate', () => {
  const file = (name: string) => join(nameFolder, name);
  const nameFolder = temporaryFolder();

  it.each([
    ['/CN=press-7', true],
    ['/O=Acme/OU=Presses/CN=press-7', true],
    ['/CN=press-8', false],
    ['/O=CN=press-7/CN=press-8', false],
    ['/CN=press-7/CN=press-8', false],
    ['/O=press-7', false],
  ])('%s is that of the device: %s', (subject, expected) => {
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      file('key.pem'),
    ];
    execFileSync('openssl', ['req', '-x509', ...key, '-out', file('cert.pem'), '-subj', subject], {
      stdio: 'pipe',
    });
    const privateKey = createPrivateKey(readFileSync(file('key.pem')));
    expect(isCertificateFor(readFileSync(file('cert.pem'), 'utf8'), id, privateKey)).toBe(expected);
  });
});

describe('a stored identity', () => {
  let storage: IdentityStorage;
  beforeEach(async () => {
    storage = memoryStorage();
    await enrollWith(storage, authority.enroll);
  });

  it('is used as it is', async () => {
    expect(await loadIdentity(storage)).toMatchObject({ deviceId: id, mqttUrl: 'mqtts://localhost:8883' });
  });

  const foreignKey = privateKeyPem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  it.each<[string, IdentityPart, string]>([
    ['a key that is not a key', 'key.pem', 'nonsense'],
    ['the key of another certificate', 'key.pem', foreignKey],
    ['a certificate that is none', 'cert.pem', 'nonsense'],
    ['an answer that is not JSON', 'enrollment.json', '{'],
    ['an answer without its fields', 'enrollment.json', '{}'],
  ])('with %s is refused, not enrolled over', async (_what, file, content) => {
    await storage.write(file, content);
    await expect(loadIdentity(storage)).rejects.toMatchObject({ code: 'state_invalid' });
  });
});

describe('a key that was damaged before enrollment ended', () => {
  it('is not silently replaced', async () => {
    const storage = memoryStorage();
    await storage.write('key.pem', 'nonsense');
    await expect(enrollWith(storage, authority.enroll)).rejects.toMatchObject({ code: 'state_invalid' });
    expect(await storage.read('key.pem')).toBe('nonsense');
  });
});

describe('a state folder', () => {
  const folder = join(temporaryFolder(), 'state');
  beforeAll(async () => {
    authority = await createAuthority();
    await enrollWith(folderStorage(folder), authority.enroll);
  });

  it('holds the identity and nothing else', () => {
    expect(readdirSync(folder).sort()).toEqual([...FILES].sort());
  });

  it('keeps the key from everybody else', () => {
    expect(statSync(join(folder, 'key.pem')).mode & 0o777).toBe(0o600);
  });

  it('that lacks a file written before the certificate is refused', async () => {
    const partial = join(folder, 'partial');
    mkdirSync(partial);
    writeFileSync(join(partial, 'cert.pem'), 'x');
    await expect(loadIdentity(folderStorage(partial))).rejects.toMatchObject({ code: 'state_invalid' });
  });

  it('that cannot be read is said to be so', async () => {
    const blocked = folderStorage(join(folder, 'key.pem'));
    await expect(blocked.read('cert.pem')).rejects.toMatchObject({ code: 'file_unreadable' });
  });
});
