/**
 * Somebody who trusts the CA and is no part of Gatehouse: a folder with what docs/relying-parties.md presumes there, where
 * its files and commands are used as they stand. Only the ports are others.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../bench/harness/ports.ts';
import type { RevocationReason } from '../../core/pki/revocation-reason.ts';
import type { Holder } from '../enrollment/renewing.ts';
import { shellIn } from '../rollover/shell.ts';
import { blocksOf } from '../support/document.ts';
import type { TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';

const blocks = blocksOf('docs/relying-parties.md');
const [settings] = blocks.filter(({ section }) => section === '').map(({ text }) => text);
/** Where the servers of the document listen. */
const SERVER_PORT = /\b(8884|8444|8445|8446)\b/;
/** Does what the units of Debian's packages do for `systemctl reload`. */
const SYSTEMCTL = '#!/bin/sh\nkill -HUP "$(cat "$2.pid")"\n';

export interface RelyingParty {
  readonly folder: string;
  /** Where its own server listens. */
  readonly port: number;
  put(name: string, text: string): void;
  shell(script: string): Promise<string>;
  /** Puts files of the document into the folder. */
  install(...names: string[]): void;
  /** The commands of a section: each call runs the next block, and rejects where that fails. */
  recipe(section: string): () => Promise<string>;
  /** Puts a device's certificate, with its chain, and its key into the folder. */
  keep(device: Holder, name?: string): void;
  /** A server, once it takes connections; `systemctl reload NAME` reaches it. */
  serve(name: string, program: string, ...args: string[]): Promise<ChildProcess>;
  /** Ends the servers. */
  close(): Promise<void>;
}

/** @param folder is made where it is not there */
export async function createRelyingParty(
  folder: string,
  { ca, statusUrl, enrollUrl }: Pick<TestEnroll, 'ca' | 'statusUrl' | 'enrollUrl'>,
): Promise<RelyingParty> {
  const port = await freePort();
  const run = shellIn(folder);
  const children: ChildProcess[] = [];
  mkdirSync(join(folder, 'bin'), { recursive: true });
  // Started as root, Mosquitto and nginx go on as other users.
  chmodSync(folder, 0o755);

  const party: RelyingParty = {
    folder,
    port,
    put: (name, text) => writeFileSync(join(folder, name), text),
    shell: (script) =>
      run(`${settings}\n${script}`, {
        STATUS_URL: statusUrl,
        ENROLL_URL: enrollUrl,
        PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      }),
    install(...names) {
      for (const name of names) {
        const block = blocks.find((one) => one.name === name);
        if (block === undefined) throw new Error(`the document has no file ${name}`);
        party.put(name, located(block.text));
      }
    },
    recipe(section) {
      const steps = blocks.filter((one) => one.section === section && one.language === 'sh' && !one.name);
      const rest = steps.values();
      return async () => {
        const step = rest.next();
        if (step.done) throw new Error(`the document has no more commands for ${section}`);
        return party.shell(step.value.text);
      };
    },
    keep({ cert, key, deviceId }, name = deviceId) {
      party.put(`${name}.pem`, cert);
      party.put(`${name}.key`, key);
    },
    async serve(name, program, ...args) {
      const child = spawn(program, args, { cwd: folder, stdio: 'ignore' });
      children.push(child);
      party.put(`${name}.pid`, String(child.pid));
      await Promise.race([
        eventually(() => accepts(port)),
        once(child, 'exit').then(() => Promise.reject(new Error(`${name} did not start`))),
      ]);
      return child;
    },
    async close() {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    },
  };

  function located(text: string): string {
    return text.replace(SERVER_PORT, String(port)).replaceAll('http://localhost:8080', statusUrl);
  }

  writeFileSync(join(folder, 'bin', 'systemctl'), SYSTEMCTL, { mode: 0o755 });
  party.put('root.pem', ca);
  await run(
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.pem \
       -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 && chmod 644 server.key`,
  );
  return party;
}

/** Resolves when the device is revoked and the CRL of its CA says so. */
export async function revoke(
  service: TestEnroll,
  { deviceId, serialNumber, certificate }: Holder,
  reason: RevocationReason = 'keyCompromise',
): Promise<void> {
  const text = new X509Certificate(certificate).raw.toString('latin1');
  const [url = ''] = /http:[ -~]+?\.crl/.exec(text) ?? [];
  await service.operator('POST', `/devices/${deviceId}/revoke`, { reason });
  await eventually(async () => {
    const crl = Buffer.from(await (await fetch(url)).arrayBuffer());
    return crl.includes(Buffer.from(serialNumber, 'hex'));
  });
}

/** Whether an HTTPS server lets a device in, and greets it by its ID. */
export async function greets({ shell, port }: RelyingParty, id: string): Promise<boolean> {
  const call = `curl --silent --cacert server.pem --cert ${id}.pem --key ${id}.key https://localhost:${port}/ || true`;
  return (await shell(call)) === `hello ${id}\n`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => done(true));
    socket.once('error', () => done(false)).once('connect', () => socket.destroy());
  });
}
