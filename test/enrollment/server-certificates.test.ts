/** The listeners' certificates renew by themselves, and a running listener takes the new one without a restart. */
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseSerialNumber } from '../../core/ids.ts';
import { ensureServerCertificate } from '../../enroll/server-certificates.ts';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { keysOf } from '../support/ca-keys.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY = 86_400_000;
const folder = temporaryFolder();
let service: TestEnroll;
let registry: Registry;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  registry = await openRegistry({ file: service.layout.registry.database, clock: systemClock });
});
afterAll(async () => {
  await registry.close();
  await service.close();
});

async function ensure(
  after: number,
  hostnames: readonly string[] = ['localhost', '127.0.0.1'],
): Promise<boolean> {
  const issuing = await loadIssuingAuthority(registry, keysOf(service.layout));
  const clock = { now: () => Date.now() + after };
  const context = { registry, issuer: issuing.current(), clock, hostnames, statusUrl: service.statusUrl };
  return ensureServerCertificate(context, 'enroll', service.layout.tls.enroll);
}

// The renewed certificate is not valid yet by the true clock: its number is looked at, its time is not.
const servedSerial = () =>
  new Promise<string>((resolve, reject) => {
    const port = Number(new URL(service.enrollUrl).port);
    const socket = connect(
      { port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false },
      () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      },
    ).once('error', reject);
  });

describe('a server certificate', () => {
  it('is kept for two thirds of its life', async () => {
    expect(await ensure(59 * DAY)).toBe(false);
  });

  it('is renewed in the last third, recorded, and served without a restart', async () => {
    const before = await servedSerial();
    expect(await ensure(61 * DAY)).toBe(true);
    const deadline = Date.now() + 60_000;
    let now = before;
    while (now === before && Date.now() < deadline) now = await servedSerial();
    expect(now).not.toBe(before);
    expect(await registry.certificateBySerial(parseSerialNumber(now))).toMatchObject({
      device: null,
      status: 'active',
    });
  });

  it('is replaced where a hostname was added', async () => {
    expect(await ensure(0, ['localhost', '127.0.0.1', 'gate.example.com'])).toBe(true);
    expect(await ensure(0, ['localhost', '127.0.0.1', 'gate.example.com'])).toBe(false);
  });
});
