// Makes two CA keys in a token, signs with both, and keeps neither. Runs on the build (dist).
// Arguments: the module, the token's label, the PIN file.
import { createPkcs11KeyStore } from '../../../dist/enroll/signer/pkcs11/pkcs11-key-store.js';

const [, , module, label, pinFile] = process.argv;
const store = createPkcs11KeyStore({ module, label, pinFile });
for (const kind of ['root', 'issuing']) {
  const { signer } = await store.generate(kind);
  const signature = await signer.sign(Buffer.from('anything'));
  process.stdout.write(`${signature[0]}\n`);
}
await store.close();
