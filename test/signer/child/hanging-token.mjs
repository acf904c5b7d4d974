// A token that does not answer: its PIN is in a pipe that nobody writes to. What becomes of each request is one line.
// Arguments: the module, the token's label, the pipe. Runs on the build (dist), and ends by itself.
import { TokenClient } from '../../../dist/enroll/signer/pkcs11/token-client.js';

const [, , module, label, pinFile] = process.argv;
const limits = { sign: 300, close: 500, other: 60_000, open: 3 };
const client = new TokenClient({ module, label, pinFile }, limits);
const key = { identifier: new Uint8Array(20), kind: 'ec-p256', spki: new Uint8Array() };
const requests = [
  { operation: 'sign', key, digest: new Uint8Array(32) },
  { operation: 'sign', key, digest: new Uint8Array(32) },
  { operation: 'destroy', identifier: key.identifier },
  { operation: 'sign', key, digest: new Uint8Array(32) },
];
const answers = requests.map((request) =>
  client.ask(request).catch(({ code, message }) => {
    process.stdout.write(`${code} ${message}\n`);
  }),
);
await Promise.all([answers[0], answers[1], answers[3]]);
// Neither those that were told to come back nor the one that waits have been answered, so there is no room yet.
await client.ask(requests[0]).catch(({ message }) => process.stdout.write(`${message}\n`));
await client.close().catch(({ message }) => process.stdout.write(`${message}\n`));
