/** Small TLS servers that are not Gatehouse, or not this one, for commands to meet. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import { issueRootCertificate, issueServerCertificate } from '../../core/pki/issue.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { createKeySigner, signingKeyOf } from '../../core/pki/signer.ts';

export interface SmallServer {
  readonly url: string;
  /** The root that its certificate leads to, in PEM. */
  readonly root: string;
  /** How many clients are connected. */
  connections(): number;
  close(): Promise<void>;
}

const HOUR = 3_600_000;

/** @param hostname what its certificate is for; it listens on 127.0.0.1 */
export async function startSmallServer(
  listener: RequestListener,
  hostname = '127.0.0.1',
): Promise<SmallServer> {
  const now = Date.now();
  const rootKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const root = await issueRootCertificate({
    commonName: 'Another root',
    key: signingKeyOf(rootKey),
    validity: HOUR,
    now,
  });
  const serverKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const certificate = await issueServerCertificate({
    issuer: { certificate: parseCaCertificate(root.der), signer: createKeySigner(rootKey) },
    commonName: 'another server',
    hostnames: [hostname],
    publicKey: publicKeyOf(createPublicKey(serverKey)),
    validity: HOUR,
    now,
    statusUrl: 'http://localhost',
  });
  const key = serverKey.export({ type: 'pkcs8', format: 'pem' });
  // A connection lasts for as long as its client keeps it.
  const server = createServer({ key, cert: certificate.pem, keepAliveTimeout: HOUR }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let open = 0;
  server.on('connection', (socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    root: root.pem,
    connections: () => open,
    async close() {
      server.close().closeAllConnections();
      await once(server, 'close');
    },
  };
}
