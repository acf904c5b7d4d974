// Has a token sign a few bytes, and more than is hashed in place. Runs on the build (dist).
// Arguments: module, label, PIN file. Prints whether each signature verifies.
import { createPublicKey, verify } from 'node:crypto';
import { createPkcs11KeyStore } from '../../../dist/enroll/signer/pkcs11/pkcs11-key-store.js';

const [, , module, label, pinFile] = process.argv;
const keys = createPkcs11KeyStore({ module, label, pinFile });
for (const [kind, digest] of [
  ['issuing', 'sha256'],
  ['root', 'sha384'],
]) {
  const { publicKey, signer } = await keys.generate(kind);
  const key = createPublicKey({ key: Buffer.from(publicKey.spki), format: 'der', type: 'spki' });
  for (const length of [100, 1_000_000]) {
    const data = Buffer.alloc(length, 'x');
    process.stdout.write(`${kind} ${length} ${verify(digest, data, key, await signer.sign(data))}\n`);
  }
}
await keys.close();
