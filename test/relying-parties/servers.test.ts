/**
 * Servers that are no part of Gatehouse, set up as the document has it, with a device before its revocation and after:
 * Mosquitto, nginx by lists and by OCSP, a back-end on Node.js and one in Python.
 */
import { join } from 'node:path';
import type { SecureVersion } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createRelyingParty, type RelyingParty, revoke } from './relying-party.ts';
import { servers } from './servers.ts';
import { tlsVersions, visit } from './tls-session.ts';

type Name = keyof typeof servers;
type Session = readonly [SecureVersion, Buffer | undefined];

/** Whoever cuts the name into pieces must not come upon another CN. */
const TRICKY = {
  name: 'tricky',
  validity: '30d',
  subject: { organization: 'x/CN=control-room', organizationalUnit: 'x,CN=control-room' },
};

const folder = temporaryFolder();
const parties: RelyingParty[] = [];
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  await service.operator('PUT', '/profiles/tricky', TRICKY);
  await service.operator('PUT', '/groups/tricky', { profile: 'tricky', policy: 'device' });
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
  const device = await enrollHolder(service, id, { group: 'tricky' });
  party.keep(device);
  return device;
}

/** Of a device that is admitted, with each version of TLS. */
async function sessionsOf(party: RelyingParty, server: Name, { deviceId }: Holder): Promise<Session[]> {
  const sessions: Session[] = [];
  for (const version of tlsVersions) {
    const { admitted, session } = await visit(party, servers[server], deviceId, version);
    expect([version, admitted]).toEqual([version, true]);
    sessions.push([version, session]);
  }
  return sessions;
}

/** The versions by whose session it is let in. */
async function admitsAgain(party: RelyingParty, server: Name, { deviceId }: Holder, sessions: Session[]) {
  const admitted: SecureVersion[] = [];
  for (const [version, session] of sessions) {
    if ((await visit(party, servers[server], deviceId, version, session)).admitted) admitted.push(version);
  }
  return admitted;
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
        const sessions = await sessionsOf(party, server, pump);

        await revoke(service, pump);
        await next();
        await eventually(async () => !(await admits(party, pump.deviceId)));
        expect(await admits(party, other.deviceId)).toBe(true);
        // A worker of nginx from before the reload may have one more connection to take.
        await eventually(async () => (await admitsAgain(party, server, pump, sessions)).length === 0);
      });
    });
  }

  const { programs, start, admits } = servers['nginx, ssl_ocsp'];
  describeWith(programs, 'nginx, ssl_ocsp', () => {
    it('refuses a device from its revocation on, and takes it back when it is resumed', async () => {
      const party = await newParty('by-ocsp');
      const device = await enrolled(party, 'asked');
      const { deviceId } = device;
      await start(party);
      expect(await admits(party, deviceId)).toBe(true);
      const sessions = await sessionsOf(party, 'nginx, ssl_ocsp', device);
      // It would close those that it resumed.
      expect(await admitsAgain(party, 'nginx, ssl_ocsp', device, sessions)).toEqual(tlsVersions);
      await service.operator('POST', `/devices/${deviceId}/suspend`, {});
      expect(await admits(party, deviceId)).toBe(false);
      expect(await admitsAgain(party, 'nginx, ssl_ocsp', device, sessions)).toEqual([]);
      await service.operator('POST', `/devices/${deviceId}/resume`, {});
      expect(await admits(party, deviceId)).toBe(true);
      await service.operator('POST', `/devices/${deviceId}/revoke`, {});
      expect(await admits(party, deviceId)).toBe(false);
    });
  });
});
