/**
 * The vendor's PKCS #11 module ("Cryptoki"), as far as Gatehouse uses it. Its calls block, all but the signing itself,
 * so this belongs into a thread of its own (token-thread.ts). What it refuses comes out as CryptokiError.
 */
import { GatehouseError } from '../../../core/errors.ts';
import {
  CKF_OS_LOCKING_OK,
  CKF_RW_SESSION,
  CKF_SERIAL_SESSION,
  CKF_TOKEN_INITIALIZED,
  CKM_EC_KEY_PAIR_GEN,
  CKM_ECDSA,
  CKU_USER,
} from './constants.ts';
import { type Attribute, createNativeModule, type Handle, type NativeModule } from './native-module.ts';

export interface TokenInfo {
  readonly slot: Handle;
  readonly label: string;
  readonly flags: number;
}

/** What a call returned other than CKR_OK. */
export class CryptokiError extends Error {
  override readonly name = 'CryptokiError';
  /** `CKR_DEVICE_REMOVED`; `CKR_VENDOR_DEFINED` where only the vendor knows. */
  readonly reason: string | undefined;

  constructor(call: string, { message, code }: Error & { readonly code?: unknown }) {
    const [reason] = /CKR_\w+/.exec(message) ?? [];
    const number = reason === 'CKR_VENDOR_DEFINED' ? ` 0x${Number(code).toString(16)}` : '';
    super(`${call}: ${reason ?? message}${number}`);
    this.reason = reason;
  }
}

/** r and s of P-521, the longest there are. */
const LONGEST_SIGNATURE = 132;
/** More keys with one ID than this are somebody's mistake. */
const MOST_FOUND = 16;

export class Cryptoki {
  readonly #module: NativeModule;
  /** What a call on another thread reads: pkcs11js keeps no hold of it, and it must not be collected meanwhile. */
  readonly #inUse = new Set<Buffer>();

  private constructor(module: NativeModule) {
    this.#module = module;
  }

  /** @throws GatehouseError `pkcs11_missing`, `pkcs11_module_unusable` */
  static async load(path: string): Promise<Cryptoki> {
    const module = await createNativeModule();
    try {
      module.load(path);
    } catch (error) {
      throw new GatehouseError('pkcs11_module_unusable', `${path}: ${(error as Error).message}`);
    }
    return new Cryptoki(module);
  }

  initialize(): void {
    try {
      // Without this flag a module may assume that one thread calls it (PKCS #11 v2.40 §5.4): signatures come from several.
      this.#call('C_Initialize', () => this.#module.C_Initialize({ flags: CKF_OS_LOCKING_OK }));
    } catch (error) {
      if (!hasReason(error, 'CKR_CRYPTOKI_ALREADY_INITIALIZED')) throw error;
    }
  }

  /** Ends all sessions, and with the last one the login (PKCS #11 v2.40 §5.6). */
  finalize(): void {
    this.#call('C_Finalize', () => this.#module.C_Finalize());
  }

  /** Those that have been set up. A reader without a token, or with one that it cannot read, has none. */
  tokens(): TokenInfo[] {
    return this.#call('C_GetSlotList', () => this.#module.C_GetSlotList(true))
      .flatMap((slot) => this.token(slot) ?? [])
      .filter(({ flags }) => (flags & CKF_TOKEN_INITIALIZED) !== 0);
  }

  token(slot: Handle): TokenInfo | undefined {
    try {
      const { label, flags } = this.#call('C_GetTokenInfo', () => this.#module.C_GetTokenInfo(slot));
      return { slot, label: label.replace(/[ \0]+$/, ''), flags };
    } catch (error) {
      if (error instanceof CryptokiError) return undefined;
      throw error;
    }
  }

  mechanisms(slot: Handle): readonly number[] {
    return this.#call('C_GetMechanismList', () => this.#module.C_GetMechanismList(slot));
  }

  openSession(slot: Handle, access: 'read' | 'write'): Handle {
    const flags = CKF_SERIAL_SESSION | (access === 'write' ? CKF_RW_SESSION : 0);
    return this.#call('C_OpenSession', () => this.#module.C_OpenSession(slot, flags));
  }

  closeSession(session: Handle): void {
    this.#call('C_CloseSession', () => this.#module.C_CloseSession(session));
  }

  /** For all sessions of this process with the token of `session`. */
  logIn(session: Handle, pin: string): void {
    try {
      this.#call('C_Login', () => this.#module.C_Login(session, CKU_USER, pin));
    } catch (error) {
      if (!hasReason(error, 'CKR_USER_ALREADY_LOGGED_IN')) throw error;
    }
  }

  find(session: Handle, template: readonly Attribute[]): Handle[] {
    this.#call('C_FindObjectsInit', () => this.#module.C_FindObjectsInit(session, template));
    const found = this.#call('C_FindObjects', () => this.#module.C_FindObjects(session, MOST_FOUND));
    this.#call('C_FindObjectsFinal', () => this.#module.C_FindObjectsFinal(session));
    return found;
  }

  /** @returns the values, in the order of `types` */
  attributes(session: Handle, object: Handle, types: readonly number[]): (Buffer | undefined)[] {
    const asked = types.map((type) => ({ type }));
    return this.#call('C_GetAttributeValue', () =>
      this.#module.C_GetAttributeValue(session, object, asked),
    ).map(({ value }) => value);
  }

  setAttributes(session: Handle, object: Handle, attributes: readonly Attribute[]): void {
    this.#call('C_SetAttributeValue', () => this.#module.C_SetAttributeValue(session, object, attributes));
  }

  generateEcKeyPair(session: Handle, publicKey: readonly Attribute[], privateKey: readonly Attribute[]) {
    const mechanism = { mechanism: CKM_EC_KEY_PAIR_GEN };
    return this.#call('C_GenerateKeyPair', () =>
      this.#module.C_GenerateKeyPair(session, mechanism, publicKey, privateKey),
    );
  }

  destroy(session: Handle, object: Handle): void {
    this.#call('C_DestroyObject', () => this.#module.C_DestroyObject(session, object));
  }

  /** r and s (§2.3.6). One call at a time on one session. */
  async sign(session: Handle, key: Handle, digest: Uint8Array): Promise<Buffer> {
    const data = Buffer.from(digest);
    this.#inUse.add(data);
    try {
      this.#call('C_SignInit', () => this.#module.C_SignInit(session, { mechanism: CKM_ECDSA }, key));
      return await this.#module.C_SignAsync(session, data, Buffer.alloc(LONGEST_SIGNATURE));
    } catch (error) {
      throw error instanceof CryptokiError ? error : new CryptokiError('C_Sign', error as Error);
    } finally {
      this.#inUse.delete(data);
    }
  }

  #call<T>(name: string, call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw new CryptokiError(name, error as Error);
    }
  }
}

function hasReason(error: unknown, ...reasons: readonly string[]): boolean {
  return error instanceof CryptokiError && reasons.some((reason) => reason === error.reason);
}
