/** The CA's keys as objects of the token: how they are made, named, found again and removed. */
import { GatehouseError } from '../../../core/errors.ts';
import { type EcKeyKind, namedCurve, publicKeyOfPoint } from '../../../core/pki/ec-public-key.ts';
import { curves } from '../../../core/pki/elliptic-point.ts';
import { keyIdentifierOf } from '../../../core/pki/issue.ts';
import type { PublicKey } from '../../../core/pki/public-key.ts';
import {
  CKA_CLASS,
  CKA_DECRYPT,
  CKA_DERIVE,
  CKA_EC_PARAMS,
  CKA_EC_POINT,
  CKA_EXTRACTABLE,
  CKA_ID,
  CKA_KEY_TYPE,
  CKA_LABEL,
  CKA_PRIVATE,
  CKA_SENSITIVE,
  CKA_SIGN,
  CKA_SIGN_RECOVER,
  CKA_TOKEN,
  CKA_UNWRAP,
  CKA_VERIFY,
  CKK_EC,
  CKO_PRIVATE_KEY,
  CKO_PUBLIC_KEY,
} from './constants.ts';
import type { Cryptoki } from './cryptoki.ts';
import type { Attribute, Handle } from './native-module.ts';

export interface KeyPairTerms {
  readonly kind: EcKeyKind;
  readonly label: string;
}

/**
 * A key pair that never leaves the token and can do nothing but sign. Its CKA_ID is the subject key identifier.
 * @param session one that may write
 * @throws GatehouseError `pkcs11_failed`
 */
export function generateKeyPair(
  cryptoki: Cryptoki,
  session: Handle,
  { kind, label }: KeyPairTerms,
): PublicKey {
  const common: readonly Attribute[] = [
    { type: CKA_TOKEN, value: true },
    { type: CKA_KEY_TYPE, value: CKK_EC },
    { type: CKA_LABEL, value: label },
  ];
  const pair = cryptoki.generateEcKeyPair(
    session,
    [
      ...common,
      { type: CKA_CLASS, value: CKO_PUBLIC_KEY },
      { type: CKA_EC_PARAMS, value: Buffer.from(namedCurve(kind)) },
      { type: CKA_VERIFY, value: true },
    ],
    [
      ...common,
      { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
      { type: CKA_PRIVATE, value: true },
      { type: CKA_SENSITIVE, value: true },
      { type: CKA_EXTRACTABLE, value: false },
      { type: CKA_SIGN, value: true },
      ...[CKA_SIGN_RECOVER, CKA_DERIVE, CKA_DECRYPT, CKA_UNWRAP].map((type) => ({ type, value: false })),
    ],
  );
  const objects = [pair.privateKey, pair.publicKey];
  try {
    requireLocked(cryptoki, session, pair.privateKey);
    const publicKey = readPublicKey(cryptoki, session, pair.publicKey, kind);
    const identifier = Buffer.from(keyIdentifierOf(publicKey));
    for (const object of objects)
      cryptoki.setAttributes(session, object, [{ type: CKA_ID, value: identifier }]);
    return publicKey;
  } catch (error) {
    for (const object of objects) cryptoki.destroy(session, object);
    throw error;
  }
}

/** A token may know better than its template; a CA key that can be read out is none. */
function requireLocked(cryptoki: Cryptoki, session: Handle, privateKey: Handle): void {
  const [sensitive, extractable] = cryptoki.attributes(session, privateKey, [CKA_SENSITIVE, CKA_EXTRACTABLE]);
  if (sensitive?.[0] === 1 && extractable?.[0] === 0) return;
  throw new GatehouseError('pkcs11_failed', 'the token made a private key that can be taken out of it');
}

function readPublicKey(cryptoki: Cryptoki, session: Handle, object: Handle, kind: EcKeyKind): PublicKey {
  const [value] = cryptoki.attributes(session, object, [CKA_EC_POINT]);
  if (value === undefined) throw new GatehouseError('pkcs11_failed', 'the token does not tell CKA_EC_POINT');
  // The point in an OCTET STRING (PKCS #11 v2.40 §2.3.3), which some tokens leave out. All lengths fit one octet.
  const length = 1 + 2 * curves[kind].fieldBytes;
  const wrapped = value.length === length + 2 && value[0] === 0x04 && value[1] === length;
  return publicKeyOfPoint(kind, wrapped ? value.subarray(2) : value);
}

/** Private keys of this ID: one, unless somebody put others there. */
export function findPrivateKeys(cryptoki: Cryptoki, session: Handle, identifier: Uint8Array): Handle[] {
  return cryptoki.find(session, [
    { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
    { type: CKA_ID, value: Buffer.from(identifier) },
  ]);
}

/** Both halves. @param session one that may write */
export function findKeyPair(cryptoki: Cryptoki, session: Handle, identifier: Uint8Array): Handle[] {
  return [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY].flatMap((value) =>
    cryptoki.find(session, [
      { type: CKA_CLASS, value },
      { type: CKA_ID, value: Buffer.from(identifier) },
    ]),
  );
}

/** What an operator finds the key by, and a later start too. @param session one that may write */
export function nameKeyPair(
  cryptoki: Cryptoki,
  session: Handle,
  objects: readonly Handle[],
  { identifier, label }: { readonly identifier: Uint8Array; readonly label: string },
): void {
  for (const object of objects) {
    cryptoki.setAttributes(session, object, [
      { type: CKA_LABEL, value: label },
      { type: CKA_ID, value: Buffer.from(identifier) },
    ]);
  }
}
