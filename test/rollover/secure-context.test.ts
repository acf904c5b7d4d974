/** Reloads of trust anchors that overlap: the issuers may change twice while the first is read. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type Server, type TlsOptions } from 'node:tls';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { SecureContextSource } from '../../runtime/secure-context.ts';
import { issueServer } from '../broker/authority.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = join(temporaryFolder(), 'server.pem');
let older: string;
let newer: string;
beforeAll(async () => {
  const { root, issuing } = await createAuthority({ now: Date.now() });
  const server = await issueServer(issuing, 'gatehouse broker');
  writeFileSync(file, server.key + server.chain);
  [older, newer] = [root.certificate.pem, issuing.certificate.pem];
});

/** Remembers what it was given to trust. */
class Listener {
  readonly trusted: unknown[] = [];
  readonly server: Server = Object.assign(createServer(), {
    setSecureContext: ({ ca }: TlsOptions) => void this.trusted.push(ca),
  });
}

describe('reloading', () => {
  it('ends with what was read last, however long the first took', async () => {
    const release: (() => void)[] = [];
    const answers = [older, newer];
    const source = new SecureContextSource({
      file,
      trustAnchors: () => {
        const answer = [answers.shift() ?? ''];
        // The first one is slow.
        return answers.length === 1
          ? new Promise((resolve) => release.push(() => resolve(answer)))
          : Promise.resolve(answer);
      },
      log: pino({ level: 'silent' }),
    });
    const { server, trusted } = new Listener();
    const both = [source.reload(server), source.reload(server)];
    while (release.length === 0) await new Promise(setImmediate);
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    release[0]?.();
    await Promise.all(both);
    expect(trusted).toEqual([[older], [newer]]);
  });
});
