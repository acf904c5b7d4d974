/**
 * The one module of node-forge that Gatehouse uses: its ASN.1 codec, imported alone so that none of its own
 * RSA, X.509 or random number code is even loaded. @types/node-forge describes neither this path nor `options`.
 */
declare module 'node-forge/lib/asn1.js' {
  import type { asn1 } from 'node-forge';

  interface FromDerOptions {
    /** Whether a value cut short is an error. */
    readonly strict: boolean;
    /** Whether bytes after the first element are an error. */
    readonly parseAllBytes: boolean;
    /** Whether the content of a BIT STRING is parsed too wherever it happens to look like DER. */
    readonly decodeBitStrings: boolean;
    readonly maxDepth: number;
  }

  const codec: Omit<typeof asn1, 'fromDer'> & {
    fromDer(bytes: string, options: FromDerOptions): asn1.Asn1;
  };
  export default codec;
}
