/**
 * Servers that are no part of Gatehouse, set up as the document has it, with a device before its revocation and after:
 * Mosquitto, nginx by lists and by OCSP, a back-end on Node.js and one in Python.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../broker/eventually.ts';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createRelyingParty, type RelyingParty, revoke } from './relying-party.ts';
import { servers } from './servers.ts';

const folder = temporaryFolder();
const parties: RelyingParty[] = [];
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(async () => {
  for (const party of parties) await party.close();
  await service.close();
});

async function newParty(name: string): Promise<RelyingParty> {
  const party = await createRelyingParty(join(folder, name), service);
  parties.push(party);
  party.install('refresh-crls.sh');
  return party;
}

async function enrolled(party: RelyingParty, id: string): Promise<Holder> {
  const device = await enrollHolder(service, id);
  party.keep(device);
  return device;
}

describe('a server of somebody else', () => {
  for (const [server, section] of [
    ['Mosquitto', 'Mosquitto'],
    ['nginx, ssl_crl', 'nginx'],
    ['Node.js', 'A back-end'],
    ['Python', 'A back-end'],
  ] as const) {
    const { programs, start, admits } = servers[server];
    describeWith(['bash', 'openssl', 'curl', ...programs], server, () => {
      it('refuses a device from the first refresh after its revocation on', async () => {
        const party = await newParty(server.replace(/\W/g, '-'));
        const next = party.recipe(section);
        const pump = await enrolled(party, `pump-${party.port}`);
        const other = await enrolled(party, `other-${party.port}`);
        await next();
        await start(party);
        expect(await admits(party, pump.deviceId)).toBe(true);

        await revoke(service, pump);
        await next();
        await eventually(async () => !(await admits(party, pump.deviceId)), 10_000);
        expect(await admits(party, other.deviceId)).toBe(true);
      });
    });
  }

  const { programs, start, admits } = servers['nginx, ssl_ocsp'];
  describeWith(programs, 'nginx, ssl_ocsp', () => {
    it('refuses a device from its revocation on, and takes it back when it is resumed', async () => {
      const party = await newParty('by-ocsp');
      const { deviceId } = await enrolled(party, 'asked');
      await start(party);
      expect(await admits(party, deviceId)).toBe(true);
      await service.operator('POST', `/devices/${deviceId}/suspend`, {});
      expect(await admits(party, deviceId)).toBe(false);
      await service.operator('POST', `/devices/${deviceId}/resume`, {});
      expect(await admits(party, deviceId)).toBe(true);
      await service.operator('POST', `/devices/${deviceId}/revoke`, {});
      expect(await admits(party, deviceId)).toBe(false);
    });
  });
});
