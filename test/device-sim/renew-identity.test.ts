/** How a successor comes to be beside the current identity, and takes its place. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { Failure } from '../../device-sim/contract/failure.ts';
import { enrollIdentity } from '../../device-sim/identity/enroll-identity.ts';
import {
  adoptSuccessor,
  discardSuccessor,
  type Identity,
  loadIdentity,
  loadSuccessor,
} from '../../device-sim/identity/identity.ts';
import {
  type IdentityStorage,
  identityParts,
  memoryStorage,
} from '../../device-sim/identity/identity-storage.ts';
import { type KeyType, keyTypeOf, privateKeyPem } from '../../device-sim/identity/private-key.ts';
import { type RenewalKey, renewIdentity } from '../../device-sim/identity/renew-identity.ts';
import { type Authority, createAuthority } from './support/authority.ts';

let authority: Authority;
let storage: IdentityStorage;
let identity: Identity;
beforeEach(async () => {
  authority = await createAuthority();
  storage = memoryStorage();
  identity = await enroll(storage);
});

function enroll(place: IdentityStorage, keyType: KeyType = 'ec-p256'): Promise<Identity> {
  const requestedId = parseDeviceId('press-7');
  return enrollIdentity({ storage: place, requestedId, keyType, enroll: authority.enroll });
}

function renew(
  ask: (csr: string) => Promise<EnrollResponse> = authority.enroll,
  renewalKey: RenewalKey = 'new',
) {
  return renewIdentity({ storage, identity, renewalKey, renew: ask });
}

const refusing = (retry: 'soon' | 'never') => () =>
  Promise.reject(new Failure('key_blocked', 'no', { retry }));

describe('a renewal', () => {
  it('touches nothing of the current identity', async () => {
    const successor = await renew();
    expect(successor.serialNumber).not.toBe(identity.serialNumber);
    expect(await loadIdentity(storage)).toEqual(identity);
    expect(await loadSuccessor(storage)).toEqual(successor);
  });

  it.each<KeyType>(['ec-p384', 'ed25519', 'rsa-2048'])(
    'makes a new key of the same kind: %s',
    async (keyType) => {
      storage = memoryStorage();
      identity = await enroll(storage, keyType);
      const { key } = await renew();
      expect(key).not.toBe(identity.key);
      expect(keyTypeOf(createPrivateKey(key))).toBe(keyType);
    },
  );

  it('asks with the same request again where the answer was lost', async () => {
    const requests: string[] = [];
    const losing = async (csr: string): Promise<EnrollResponse> => {
      requests.push(csr);
      await authority.enroll(csr);
      throw new Failure('connection_lost', 'lost', { retry: 'soon' });
    };
    await expect(renew(losing)).rejects.toThrow('lost');
    await expect(renew(losing)).rejects.toThrow('lost');
    expect(requests[1]).toBe(requests[0]);
    await renew();
    expect([...authority.issued.values()]).toEqual([1, 1]);
  });

  it('that is refused begins with another key the next time: the refusal may have been of that one', async () => {
    await expect(renew(refusing('soon'))).rejects.toThrow('no');
    const refused = await storage.read('next-key.pem');
    await expect(renew(refusing('never'))).rejects.toThrow('no');
    expect((await renew()).key).not.toBe(refused);
  });

  it.each<[string, RenewalKey, () => string]>([
    ['is damaged', 'new', () => 'nonsense'],
    ['is the one before, where a new one is wanted', 'new', () => identity.key],
    ['is another, where the one before is wanted', 'same', () => newKey()],
  ])('makes nothing of a key that was left and %s', async (_what, renewalKey, left) => {
    await storage.write('next-key.pem', left());
    const { key } = await renew(authority.enroll, renewalKey);
    expect(key).not.toBe(left());
    expect(key === identity.key).toBe(renewalKey === 'same');
  });

  const newKey = () => privateKeyPem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

  it.each<[string, (answer: EnrollResponse) => EnrollResponse]>([
    ['for another device', (answer) => ({ ...answer, deviceId: parseDeviceId('press-8') })],
    ['that is none', (answer) => ({ ...answer, certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n' })],
    ['for another key', (answer) => ({ ...answer, certificate: identity.chain })],
  ])('takes no certificate %s', async (_what, change) => {
    const ask = async (csr: string) => change(await authority.enroll(csr));
    await expect(renew(ask)).rejects.toMatchObject({ code: 'enrollment_failed' });
    expect(await loadSuccessor(storage)).toBeUndefined();
  });
});

describe('a successor', () => {
  it('takes the place of the current identity, whole', async () => {
    const successor = await renew();
    await adoptSuccessor(storage);
    expect(await loadIdentity(storage)).toEqual(successor);
    expect(await loadSuccessor(storage)).toBeUndefined();
  });

  it('whose move was cut off is there when it is loaded, at whichever file that was', async () => {
    for (const [index] of identityParts.entries()) {
      const successor = await renew();
      let moves = 0;
      const cut: IdentityStorage = {
        ...storage,
        move: async (from, to) => {
          if (moves++ > index) throw new Error('power failure');
          await storage.move(from, to);
        },
      };
      await adoptSuccessor(cut).catch(() => {});
      expect(await loadIdentity(storage)).toEqual(successor);
      expect(await loadSuccessor(storage)).toBeUndefined();
      identity = successor;
    }
  });

  it('that is given up leaves the current identity, wherever that is cut off', async () => {
    for (const [index] of identityParts.entries()) {
      await renew();
      let removals = 0;
      const cut: IdentityStorage = {
        ...storage,
        remove: async (file) => {
          if (removals++ > index) throw new Error('power failure');
          await storage.remove(file);
        },
      };
      await discardSuccessor(cut).catch(() => {});
      expect(await loadIdentity(storage)).toEqual(identity);
      expect(await loadSuccessor(storage)).toBeUndefined();
    }
  });

  it('that is damaged is none', async () => {
    await renew();
    await storage.write('next-chain.pem', 'nonsense');
    await storage.write('next-enrollment.json', '{');
    expect(await loadSuccessor(storage)).toBeUndefined();
    expect(await loadIdentity(storage)).toEqual(identity);
  });
});
