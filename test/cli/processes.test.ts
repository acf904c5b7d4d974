/** The executable itself, as processes: none is left behind, and whoever stops reading is not shouted at. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { executable, run, simulator, startGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { prepareData } from '../support/prepared-data.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { errorCode } from './transcript.ts';

const folder = temporaryFolder();
const data = join(folder, 'data');
delete process.env.OPENSSL_CONF;

async function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Which of the two roles still listens. */
async function listening({ enrollUrl, mqttUrl }: TestGatehouse): Promise<boolean[]> {
  return [await answers(enrollUrl), await answers(mqttUrl)];
}

/** How many TLS 1.3 tickets a full handshake with the broker brings. They come before it reads anything. */
async function ticketsOf({ mqttUrl, caFile }: TestGatehouse): Promise<number> {
  const { hostname, port } = new URL(mqttUrl);
  const ca = readFileSync(caFile);
  const socket = tls.connect({ host: hostname, port: Number(port), ca, minVersion: 'TLSv1.3' });
  let tickets = 0;
  socket.on('session', () => {
    tickets += 1;
  });
  // No CONNECT: it hangs up.
  socket.resume().write(Buffer.of(0xc0, 0));
  await once(socket, 'close');
  return tickets;
}

describe('gatehouse up', () => {
  it('is survived by none of its processes, even when it is killed without a chance to end them', async () => {
    const gatehouse = await startGatehouse(data);
    expect(await listening(gatehouse)).toEqual([true, true]);
    gatehouse.process.kill('SIGKILL');
    await eventually(async () => (await listening(gatehouse)).every((open) => !open));
  });

  it('starts again on the same folder, with our settings of OpenSSL unless it is given others', async () => {
    const ours = await startGatehouse(data);
    expect(await ticketsOf(ours)).toBe(1);
    await ours.stop();
    process.env.OPENSSL_CONF = '/dev/null';
    const theirs = await startGatehouse(data);
    delete process.env.OPENSSL_CONF;
    expect(await ticketsOf(theirs)).toBe(2);
    await theirs.stop();
  });

  it('ends well on SIGTERM, its processes first', async () => {
    const gatehouse = await startGatehouse(data);
    gatehouse.process.kill('SIGTERM');
    expect(await once(gatehouse.process, 'exit')).toEqual([0, null]);
    expect(await listening(gatehouse)).toEqual([false, false]);
  });

  it.each(['--enroll-port', '--mqtt-port'])('says so where the port of %s is taken', async (flag) => {
    const first = createServer().listen(0, '127.0.0.1');
    await once(first, 'listening');
    const taken = String((first.address() as AddressInfo).port);
    const flags = ['--host', '127.0.0.1', ...freePorts(), flag, taken, '--log-level', 'silent', '--json'];
    const other = await prepareData(join(folder, flag));
    const { code, stdout, stderr } = await run(executable, 'up', '--data', other, ...flags);
    expect([code, stdout, errorCode(stderr)]).toEqual([1, '', 'port_in_use']);
    first.close();
  });
});

describe('a command whose output nobody reads', () => {
  it.each([executable, simulator])('ends without a word: %s', async (script) => {
    const child = spawn(process.execPath, [script, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    expect([await once(child, 'close'), stderr]).toEqual([[0, null], '']);
  });
});

function freePorts(): string[] {
  return ['enroll', 'status', 'admin', 'mqtt', 'metrics'].flatMap((name) => [`--${name}-port`, '0']);
}
