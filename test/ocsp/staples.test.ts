/** A whole Gatehouse: every TLS listener staples what its own CA says of its certificate, over renewals and restarts. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { pino } from 'pino';
import { parseDeviceId, parseSerialNumber } from '../../core/ids.ts';
import { readStaple } from '../../core/pki/ocsp-staple.ts';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { DelegatedResponders } from '../../enroll/status/delegated-responders.ts';
import { createOcspResponder } from '../../enroll/status/ocsp-responder.ts';
import { keepStaples } from '../../enroll/status/staples.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { connectPacket } from '../broker/raw-client.ts';
import { enrollHolder } from '../enrollment/renewing.ts';
import { Gate } from '../rollover/gate.ts';
import { shellIn } from '../rollover/shell.ts';
import { keysOf } from '../support/ca-keys.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type HandshakeOptions, shakeHands } from './handshakes.ts';

const folder = temporaryFolder();
const shell = shellIn(folder);
let gate: Gate;
beforeAll(async () => {
  gate = await Gate.open(folder);
  writeFileSync(join(folder, 'root.pem'), gate.enroll.ca);
});
afterAll(() => gate.close());

const LISTENERS = ['device', 'operator', 'broker'] as const;
type Listener = (typeof LISTENERS)[number];
const portOf = (listener: Listener): number => {
  const { enrollUrl, adminUrl } = gate.enroll;
  const ports = { device: Number(new URL(enrollUrl).port), operator: Number(new URL(adminUrl).port) };
  return listener === 'broker' ? gate.port : ports[listener];
};
const handshake = (listener: Listener, options: HandshakeOptions = {}) =>
  shakeHands(portOf(listener), { ca: readFileSync(gate.enroll.layout.rootCertificate, 'utf8'), ...options });
/** With a staple: listeners look for one every second. */
const stapled = (listener: Listener) =>
  eventually(async () => {
    const shaken = await handshake(listener);
    return shaken.staple && { ...shaken, staple: shaken.staple };
  });

describe.each(LISTENERS)('the %s listener', (listener) => {
  it('staples an answer about its own certificate', async () => {
    const { staple, serialNumber } = await stapled(listener);
    expect(staple.serialNumber).toBe(serialNumber);
    expect(staple.nextUpdate - staple.thisUpdate).toBe(3_600_000);
  });

  describeWith(['openssl'], 'by openssl', () => {
    it.each(['tls1_2', 'tls1_3'])('in %s is one that verifies', async (version) => {
      await stapled(listener);
      const connect = `openssl s_client -connect localhost:${portOf(listener)} -CAfile root.pem -${version}`;
      const output = await shell(`${connect} -status -verify_return_error < /dev/null 2>&1 || true`);
      expect(output).toMatch(/OCSP Response Status: successful[\s\S]*Cert Status: good/);
      expect(output).toMatch('Verification: OK');
      expect(await shell(`${connect} < /dev/null 2>&1 || true`)).not.toMatch('OCSP Response Status');
    });
  });
});

it('a device that asks the broker for a staple waits for no timer', async () => {
  const { deviceId, key, cert } = await enrollHolder(gate.enroll, 'quick');
  await stapled('broker');
  const quick = async (): Promise<number> => {
    let count = 0;
    for (let index = 0; index < 20; index++) {
      const say = generate(connectPacket(deviceId));
      const { staple, answeredIn } = await handshake('broker', { key, cert, say });
      expect(staple).toBeDefined();
      if (answeredIn < 35) count += 1;
    }
    return count;
  };
  // Nagle's algorithm against a delayed acknowledgement would cost 40 ms, nearly each time; a busy machine costs some,
  // or all for a while.
  await eventually(async () => (await quick()) > 5);
});

describeWith(['openssl', 'bash'], 'the file of each', () => {
  it.each(['enroll', 'broker'] as const)('for %s is for everybody to read, and verifies', async (role) => {
    const { staples, tls } = gate.enroll.layout;
    expect(statSync(staples[role]).mode & 0o777).toBe(0o644);
    const pem = readFileSync(tls[role], 'utf8');
    const [own = '', ca = ''] =
      pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
    writeFileSync(join(folder, 'own.pem'), own);
    writeFileSync(join(folder, 'ca.pem'), ca);
    const verify = `openssl ocsp -respin ${staples[role]} -issuer ca.pem -cert own.pem -CAfile root.pem -verify_other ca.pem`;
    expect(await shell(`${verify} -no_nonce 2>&1`)).toMatch(/Response verify OK\nown\.pem: good/);
  });
});

describe('staples follow', () => {
  it('their certificates, when the CA is rolled over', async () => {
    const before = await Promise.all(LISTENERS.map(stapled));
    await gate.rotate();
    for (const [index, listener] of LISTENERS.entries()) {
      const after = await eventually(async () => {
        const shaken = await stapled(listener);
        return shaken.serialNumber === before[index]?.serialNumber ? undefined : shaken;
      });
      expect(after.staple.serialNumber).toBe(after.serialNumber);
    }
  });

  it('a restart', async () => {
    await gate.restart();
    for (const listener of LISTENERS) {
      const { staple, serialNumber } = await stapled(listener);
      expect(staple.serialNumber).toBe(serialNumber);
    }
  });

  it('what the registry says of the certificate, and GnuTLS refuses the listener that is revoked', async () => {
    const { layout } = gate.enroll;
    const clock = { now: () => Date.now() };
    const log = pino({ level: 'silent' });
    const registry = await openRegistry({ file: layout.registry.database, clock });
    const keys = keysOf(layout);
    const issuing = await loadIssuingAuthority(registry, keys);
    const responders = new DelegatedResponders({ registry, issuing, clock, log });
    const metrics = { answered: () => {} };
    const ocsp = createOcspResponder({ registry, issuing, responders, clock, metrics, log });
    const keeper = await keepStaples({ registry, ocsp, layout, log });
    const kept = () => readFileSync(layout.staples.enroll);
    const good = kept();
    const { ino } = statSync(layout.staples.enroll);
    await keeper.refresh();
    // Nothing new, nothing written.
    expect([kept(), statSync(layout.staples.enroll).ino]).toEqual([good, ino]);

    const serialNumber = parseSerialNumber((await handshake('device')).serialNumber);
    await registry.write('system', async (transaction) => {
      await transaction.setCertificateStatus([serialNumber], 'revoked', Date.now(), 'keyCompromise');
      const data = { reason: 'keyCompromise', serialNumbers: [serialNumber] } as const;
      await transaction.append({ action: 'device.revoked', subject: parseDeviceId('none'), data });
    });
    await keeper.refresh();
    expect(readStaple(kept())?.serialNumber).toBe(serialNumber);
    expect(kept()).not.toEqual(good);
    await keeper.close();
    await responders.close();
    await keys.close();
    await registry.close();

    await eventually(async () => {
      const { staple } = await handshake('device');
      return staple !== undefined && Buffer.from(staple.der).equals(kept());
    });
    const said = await shell(
      `gnutls-cli --x509cafile root.pem --ocsp -p ${portOf('device')} localhost < /dev/null 2>&1 || true`,
    );
    expect(said).toMatch(/revoked/i);
  });
});
