/**
 * pkcs11js, as far as Gatehouse uses it. The package is optional: where it could not be compiled npm leaves it out, types
 * and all. So it is described here, and loaded when the CA keys are in a token and not before.
 */
import { GatehouseError } from '../../../core/errors.ts';

/** An ID in the machine's own representation. */
export type Handle = Buffer;

export interface Attribute {
  readonly type: number;
  readonly value?: number | boolean | string | Buffer;
}

interface Mechanism {
  readonly mechanism: number;
}

/** `PKCS11` of pkcs11js: the C functions of a vendor's module. They throw `CKR_…` as their message. */
export interface NativeModule {
  load(path: string): void;
  C_Initialize(options: { readonly flags: number }): void;
  C_Finalize(): void;
  C_GetSlotList(tokenPresent: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): { readonly label: string; readonly flags: number };
  C_GetMechanismList(slot: Handle): number[];
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_Login(session: Handle, userType: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void;
  C_FindObjects(session: Handle, maxObjects: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(
    session: Handle,
    object: Handle,
    attributes: readonly Attribute[],
  ): { readonly type: number; readonly value?: Buffer }[];
  C_SetAttributeValue(session: Handle, object: Handle, attributes: readonly Attribute[]): void;
  C_GenerateKeyPair(
    session: Handle,
    mechanism: Mechanism,
    publicKey: readonly Attribute[],
    privateKey: readonly Attribute[],
  ): { readonly publicKey: Handle; readonly privateKey: Handle };
  C_DestroyObject(session: Handle, object: Handle): void;
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  /** Runs on another thread, and keeps no hold of `data`: the caller must, until it is done. */
  C_SignAsync(session: Handle, data: Buffer, signature: Buffer): Promise<Buffer>;
}

interface Pkcs11js {
  readonly PKCS11: new () => NativeModule;
}

const PACKAGE = 'pkcs11js';

/** @throws GatehouseError `pkcs11_missing` */
export async function createNativeModule(): Promise<NativeModule> {
  try {
    const { default: pkcs11js }: { default: Pkcs11js } = await import(PACKAGE);
    return new pkcs11js.PKCS11();
  } catch (error) {
    const [reason] = (error as Error).message.split('\n', 1);
    throw new GatehouseError('pkcs11_missing', reason, { cause: error });
  }
}
