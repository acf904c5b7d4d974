/** What is asked of the thread that talks to the token, and how it answers. Plain values: they cross threads. */
import type { ErrorCode } from '../../../core/errors.ts';
import type { EcKeyKind } from '../../../core/pki/ec-public-key.ts';

/** Which token, and how to get in. */
export interface TokenAddress {
  /** The path of the vendor's module. */
  readonly module: string;
  readonly label: string;
  readonly pinFile: string;
}

/** A key in the token: where it is looked for, and what it must prove to be. */
export interface TokenKey {
  /** CKA_ID: the subject key identifier of the CA's certificate. */
  readonly identifier: Uint8Array;
  readonly kind: EcKeyKind;
  /** The SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
}

export type TokenRequest =
  /** A new key pair. Answered with its SubjectPublicKeyInfo. */
  | { readonly operation: 'generate'; readonly kind: EcKeyKind; readonly label: string }
  /** Gives the key that is found under `identifier` the ID and label under which it stays. */
  | {
      readonly operation: 'name';
      readonly identifier: Uint8Array;
      readonly key: TokenKey;
      readonly label: string;
    }
  | { readonly operation: 'destroy'; readonly identifier: Uint8Array }
  /** Whether the key is there, and is the one it should be. */
  | { readonly operation: 'prove'; readonly key: TokenKey }
  /** Answered with r and s. */
  | { readonly operation: 'sign'; readonly key: TokenKey; readonly digest: Uint8Array }
  | { readonly operation: 'close' };

export interface Asked {
  readonly id: number;
  readonly request: TokenRequest;
}

/** `value` is empty where there is nothing to tell. */
export type Answered =
  | { readonly id: number; readonly value: Uint8Array }
  | { readonly id: number; readonly failure: { readonly code: ErrorCode; readonly detail: string } };
