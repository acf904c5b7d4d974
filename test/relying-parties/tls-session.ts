/** A device that keeps its TLS session, and tries to get in by it again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type SecureVersion } from 'node:tls';
import type { RelyingParty } from './relying-party.ts';
import type { Server } from './servers.ts';

export interface Visit {
  readonly admitted: boolean;
  /** The last one that the server gave, if any. */
  readonly session: Buffer | undefined;
}

export const tlsVersions = ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly SecureVersion[];

/** Connects, says what a client says first, and waits for the answer or the end. */
export function visit(
  { folder, port }: RelyingParty,
  { greeting }: Server,
  id: string,
  version: SecureVersion,
  session?: Buffer,
): Promise<Visit> {
  const file = (name: string) => readFileSync(join(folder, name));
  const identity = { cert: file(`${id}.pem`), key: file(`${id}.key`), ca: file('server.pem') };
  const only = { minVersion: version, maxVersion: version };
  return new Promise((done) => {
    let given: Buffer | undefined;
    const socket = connect({ host: 'localhost', port, session, ...identity, ...only });
    const end = (admitted: boolean) => {
      socket.destroy();
      done({ admitted, session: given });
    };
    socket.on('session', (one: Buffer) => {
      given = one;
    });
    socket.once('secureConnect', () => socket.write(greeting.ask(id)));
    socket.once('data', (answer: Buffer) => end(answer.toString('latin1').includes(greeting.granted)));
    socket.once('error', () => end(false)).once('close', () => end(false));
  });
}
