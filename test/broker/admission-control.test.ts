/** What is asked of the registry for one connection, which comes twice. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AdmissionControl } from '../../broker/admission/admission-control.ts';
import { PolicyCache } from '../../broker/admission/policy-cache.ts';
import type { RegistryView } from '../../registry/port/registry.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import type { VerifiedPeer } from '../../runtime/peer-certificate.ts';
import { Fleet } from './fleet.ts';

let fleet: Fleet;
let view: RegistryView;
let peer: VerifiedPeer;
let now: number;
let asked: number;
let admission: AdmissionControl;
beforeEach(async () => {
  fleet = await Fleet.create({ start: false });
  const { device, ...identity } = { ...(await fleet.enroll('dev-1')), device: 'dev-1' };
  view = await openRegistryView({ file: fleet.layout.registry.database });
  const record = await view.certificate(identity.fingerprint);
  if (record?.device == null) throw new Error('dev-1 is not there');
  peer = { ...record, device: record.device };
  now = Date.now();
  asked = 0;
  admission = new AdmissionControl({
    registry: {
      version: () => view.version(),
      certificateBySerial: (serialNumber) => view.certificateBySerial(serialNumber),
      admission: (fingerprint) => {
        asked++;
        return view.admission(fingerprint);
      },
    },
    policies: new PolicyCache(),
    clock: { now: () => now },
    journalSilence: () => 0,
    maxJournalSilence: 1,
  });
});
afterEach(async () => {
  await view.close();
  await fleet.close();
});

describe('a peer that was found to stand', () => {
  it('is not looked up again while nothing is committed', async () => {
    const finding = await admission.look(peer);
    const standing = await admission.admit(peer, finding);
    expect(asked).toBe(1);
    expect(standing).toEqual(await admission.admit(peer));
    expect(asked).toBe(2);
  });

  it('is looked up again where something was', async () => {
    const finding = await admission.look(peer);
    await fleet.enroll('dev-2');
    await admission.admit(peer, finding);
    expect(asked).toBe(2);
  });

  it('is refused where it was revoked since', async () => {
    const finding = await admission.look(peer);
    await fleet.revoke('dev-1');
    await expect(admission.admit(peer, finding)).rejects.toMatchObject({ code: 'device_revoked' });
  });

  it('is refused where its certificate has expired since', async () => {
    const finding = await admission.look(peer);
    now = finding.record.certificate.notAfter + 1;
    await expect(admission.admit(peer, finding)).rejects.toMatchObject({ code: 'certificate_expired' });
    expect(asked).toBe(1);
  });
});
