/** TLS handshakes that ask for a staple. */
import { type ConnectionOptions, connect } from 'node:tls';
import { readStaple, type Staple } from '../../core/pki/ocsp-staple.ts';

export interface Handshake {
  /** Of the certificate that was served. */
  readonly serialNumber: string;
  /** Undefined where none was stapled. */
  readonly staple: Staple | undefined;
  readonly resumed: boolean;
  /** To resume the session by; where `ticket` asked for it. */
  readonly session: Buffer | undefined;
  /** ms from the end of the handshake to the first data, where something was said; else 0. */
  readonly answeredIn: number;
}

export interface HandshakeOptions extends ConnectionOptions {
  /** True where it is absent. */
  readonly requestOCSP?: boolean;
  /** Whether to wait for what resumes the session, which comes after the handshake in TLS 1.3. */
  readonly ticket?: boolean;
  /** Sent after the handshake; then an answer is waited for. */
  readonly say?: string | Buffer;
}

/** @param options `ca`, and what else differs from a plain client @throws Error where the handshake fails */
export function shakeHands(port: number, { ticket, say, ...options }: HandshakeOptions): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    let staple: Staple | undefined;
    let session: Buffer | undefined;
    let said: number | undefined;
    const address = { port, host: '127.0.0.1', servername: 'localhost', requestOCSP: true };
    const socket = connect({ ...address, ...options } as ConnectionOptions);
    const done = () => {
      if (socket.destroyed) return;
      const { serialNumber } = socket.getPeerCertificate();
      const resumed = socket.isSessionReused();
      const answeredIn = said === undefined ? 0 : performance.now() - said;
      socket.destroy();
      resolve({ serialNumber, staple, resumed, session, answeredIn });
    };
    // Without a staple Node calls this with null.
    socket.on('OCSPResponse', (response: Buffer | null) => {
      staple = response === null ? undefined : readStaple(response);
    });
    socket.on('session', (one) => {
      session = one;
      if (ticket && socket.authorized) done();
    });
    socket.once('error', reject);
    socket.once('data', done);
    socket.once('secureConnect', () => {
      if (say !== undefined) {
        said = performance.now();
        socket.write(say);
      } else if (!ticket || session !== undefined) done();
    });
  });
}
