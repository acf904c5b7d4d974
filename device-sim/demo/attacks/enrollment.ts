/** Attacks on enrollment: tokens that do not count, and requests that are not what they should be. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import type { DeviceId } from '../../../core/ids.ts';
import { boolean, encode, sequence } from '../../../core/pki/der.ts';
import { oids } from '../../../core/pki/oids.ts';
import { encodePem } from '../../../core/pki/pem.ts';
import { createToken } from '../../../core/token.ts';
import { buildCsr } from '../../identity/csr.ts';
import { enrollment } from '../outcome.ts';
import type { Stage } from '../stage.ts';
import type { Attack } from './attack.ts';

export const enrollmentAttacks: readonly Attack[] = [
  {
    what: 'no token',
    expected: 'token_missing',
    attempt: async ({ stage }) => send(stage, '', await stage.request(stage.newId())),
  },
  {
    what: 'a token that nobody made',
    expected: 'token_unknown',
    attempt: async ({ stage }) =>
      send(stage, createToken('enrollment').token, await stage.request(stage.newId())),
  },
  {
    what: 'a token with one character changed',
    expected: 'token_unknown',
    attempt: async ({ stage }) => {
      const token = await stage.token();
      const changed = token.slice(0, -2) + (token.at(-2) === 'A' ? 'B' : 'A') + token.slice(-1);
      return send(stage, changed, await stage.request(stage.newId()));
    },
  },
  {
    what: 'a spent token, with another key',
    expected: 'token_spent',
    attempt: async ({ stage }) => {
      const token = await stage.token();
      await stage.enroll(stage.newId(), { token });
      return send(stage, token, await stage.request(stage.newId()));
    },
  },
  {
    what: 'an expired token',
    expected: 'token_expired',
    attempt: async ({ stage }) => {
      const token = await stage.token({ expiresIn: 1 });
      await stage.pause(1_050);
      return send(stage, token, await stage.request(stage.newId()));
    },
  },
  {
    what: 'a revoked token',
    expected: 'token_revoked',
    attempt: async ({ stage }) => {
      const { id, token } = await stage.operator.createToken({});
      await stage.operator.revokeToken(id);
      return send(stage, token, await stage.request(stage.newId()));
    },
  },
  {
    what: 'a token for another name',
    expected: 'cn_not_allowed',
    attempt: async ({ stage }) =>
      send(stage, await stage.token({ device: stage.newId() }), await stage.request(stage.newId())),
  },
  {
    what: 'a token for any name, used to become a device',
    expected: 'device_already_enrolled',
    attempt: async ({ stage, victim }) =>
      send(stage, await stage.token(), await stage.request(victim.deviceId)),
  },
  {
    what: 'the ID of a revoked device, with a token for it',
    expected: 'device_revoked',
    attempt: async ({ stage }) => {
      const { deviceId } = await stage.enroll(stage.newId());
      await stage.operator.revoke(deviceId);
      return send(stage, await stage.token({ device: deviceId }), await stage.request(deviceId));
    },
  },
  {
    what: 'a CSR with a broken signature',
    expected: 'csr_signature_invalid',
    attempt: ({ stage }) => sendCsr(stage, (id) => withBrokenSignature(csrFor(id, ecKey()))),
  },
  {
    what: 'a CSR with bytes behind it',
    expected: 'csr_trailing_data',
    attempt: ({ stage }) => sendCsr(stage, (id) => Buffer.concat([csrFor(id, ecKey()), Buffer.alloc(4)])),
  },
  {
    what: 'a CSR with an RSA key of 1024 bits',
    expected: 'key_weak',
    attempt: ({ stage }) => sendCsr(stage, (id) => csrFor(id, rsaKey(1024))),
  },
  {
    what: "a CSR with another device's key",
    expected: 'key_in_use',
    attempt: ({ stage, victim }) => sendCsr(stage, (id) => csrFor(id, createPrivateKey(victim.key))),
  },
  {
    what: 'a CSR whose CN is a path',
    expected: 'cn_invalid',
    attempt: async ({ stage }) =>
      send(stage, await stage.token(), pem(buildCsr({ commonName: '../sim', privateKey: ecKey() }))),
  },
  {
    what: 'a CSR that asks to be a CA',
    expected: 'issued, not a CA',
    attempt: async ({ stage }) => {
      const id = stage.newId();
      const csr = buildCsr({ commonName: id, privateKey: ecKey(), extensions: [asksToBeCa] });
      const answer = await stage.enrollClient.enroll(await stage.token({ device: id }), pem(csr));
      return new X509Certificate(answer.enrollment.certificate).ca ? 'issued, a CA' : 'issued, not a CA';
    },
  },
  {
    what: 'the same CSR and token again',
    expected: 'the same certificate',
    attempt: async ({ stage }) => {
      const id = stage.newId();
      const token = await stage.token({ device: id });
      const csr = await stage.request(id);
      const first = await stage.enrollClient.enroll(token, csr);
      const second = await stage.enrollClient.enroll(token, csr);
      const same = first.enrollment.certificate === second.enrollment.certificate;
      return first.created && !second.created && same ? 'the same certificate' : 'another certificate';
    },
  },
];

/** basicConstraints with cA TRUE (RFC 5280 §4.2.1.9). */
const asksToBeCa = {
  oid: oids.basicConstraints,
  critical: true,
  value: encode(sequence(boolean(true))),
};

function send(stage: Stage, token: string, csr: string): Promise<string> {
  return enrollment(stage.enrollClient.enroll(token, csr));
}

/** With a token that is good for the name, so that only the request can be what is refused. */
async function sendCsr(stage: Stage, build: (id: DeviceId) => Uint8Array): Promise<string> {
  const id = stage.newId();
  return send(stage, await stage.token({ device: id }), pem(build(id)));
}

function csrFor(id: DeviceId, privateKey: KeyObject): Uint8Array {
  return buildCsr({ commonName: id, privateKey });
}

/** The signature is the last field; its last octet is changed, and so the structure stays whole. */
function withBrokenSignature(csr: Uint8Array): Uint8Array {
  const broken = Uint8Array.from(csr);
  const last = broken.length - 1;
  broken[last] = (broken[last] ?? 0) ^ 0x01;
  return broken;
}

function pem(der: Uint8Array): string {
  return encodePem('CERTIFICATE REQUEST', der);
}

function ecKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function rsaKey(modulusLength: number): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength }).privateKey;
}
