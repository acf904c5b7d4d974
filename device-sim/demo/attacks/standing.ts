/** Attacks with certificates that Gatehouse did issue, and that stand no more or belong to another device. */
import type { Session } from '../../contract/mqtt-session.ts';
import { deviceTopics } from '../../device/topics.ts';
import type { Identity } from '../../identity/identity.ts';
import { admission, ending } from '../outcome.ts';
import type { Stage } from '../stage.ts';
import type { Attack } from './attack.ts';
import { CUT_OFF_WITHIN_MS, outliveCertificate } from './outlived-certificate.ts';

export const standingAttacks: readonly Attack[] = [
  {
    what: 'revoked',
    expected: 'device_revoked',
    attempt: async ({ stage }) => {
      const identity = await stage.enroll(stage.newId());
      await stage.operator.revoke(identity.deviceId);
      return admission(stage, () => stage.connect(identity));
    },
  },
  ...(['TLSv1.3', 'TLSv1.2'] as const).map(
    (version): Attack => ({
      what: `revoked, resuming its ${version} session`,
      expected: 'resumed, then device_revoked',
      attempt: ({ stage }) => resumeAfterRevocation(stage, version),
    }),
  ),
  {
    what: 'suspended, while connected',
    expected: 'cut off by device_suspended',
    attempt: async ({ stage }) => {
      const { identity, session } = await newcomer(stage);
      return ending(stage, session, CUT_OFF_WITHIN_MS, () => stage.operator.suspend(identity.deviceId));
    },
  },
  {
    what: 'suspended, coming back',
    expected: 'device_suspended',
    attempt: async ({ stage }) => {
      const identity = await stage.enroll(stage.newId());
      await stage.operator.suspend(identity.deviceId);
      return admission(stage, () => stage.connect(identity));
    },
  },
  {
    what: 'suspended, then resumed by the operator',
    expected: 'admitted',
    attempt: async ({ stage }) => {
      const identity = await stage.enroll(stage.newId());
      await stage.operator.suspend(identity.deviceId);
      await stage.operator.resume(identity.deviceId);
      return admission(stage, () => stage.connect(identity));
    },
  },
  {
    what: 'superseded by a new enrollment, while connected',
    expected: 'cut off by certificate_superseded',
    attempt: async ({ stage }) => {
      const { identity, session } = await newcomer(stage);
      return ending(stage, session, CUT_OFF_WITHIN_MS, () => stage.enroll(identity.deviceId));
    },
  },
  {
    what: 'superseded, coming back',
    expected: 'certificate_superseded',
    attempt: async ({ stage }) => {
      const identity = await stage.enroll(stage.newId());
      await stage.enroll(identity.deviceId);
      return admission(stage, () => stage.connect(identity));
    },
  },
  {
    what: 'the certificate that superseded it',
    expected: 'admitted',
    attempt: async ({ stage }) => {
      const id = stage.newId();
      await stage.enroll(id);
      const identity = await stage.enroll(id);
      return admission(stage, () => stage.connect(identity));
    },
  },
  {
    what: 'expiring while connected, then coming back',
    expected: 'cut off, then certificate_expired',
    attempt: ({ stage }) => outliveCertificate(stage),
  },
  {
    what: "another device's client id",
    expected: 'client_id_mismatch, victim unharmed',
    attempt: async ({ stage, attacker, victim }) => {
      const session = await stage.connect(victim);
      const answer = await admission(stage, () => stage.connect(attacker, { clientId: victim.deviceId }));
      // Where the victim's session is gone, this fails and with it the row.
      await session.publish(deviceTopics(victim.deviceId).telemetry, 'still here');
      await session.end();
      return `${answer}, victim unharmed`;
    },
  },
  {
    what: 'a client id that only begins with its own ID',
    expected: 'client_id_mismatch',
    attempt: ({ stage, attacker }) =>
      admission(stage, () => stage.connect(attacker, { clientId: `${attacker.deviceId}0` })),
  },
  {
    what: 'a second session of its own, as ID/suffix',
    expected: 'admitted',
    attempt: ({ stage, attacker }) =>
      admission(stage, () => stage.connect(attacker, { clientId: `${attacker.deviceId}/2` })),
  },
];

async function newcomer(stage: Stage): Promise<{ identity: Identity; session: Session }> {
  const identity = await stage.enroll(stage.newId());
  return { identity, session: await stage.connect(identity) };
}

/** Resumption skips the certificate exchange, so only a look at the registry can keep the device out. */
async function resumeAfterRevocation(stage: Stage, version: 'TLSv1.2' | 'TLSv1.3'): Promise<string> {
  const identity = await stage.enroll(stage.newId());
  const first = await stage.connect(identity, { tls: { version } });
  const ticket = first.tls.ticket();
  await first.end();
  if (ticket === undefined) return 'no TLS session to resume';
  const resumption = { tls: { version, session: ticket } };
  // Before the revocation the same ticket gets in, or the row would prove nothing.
  const second = await stage.connect(identity, resumption);
  const { resumed } = second.tls;
  await second.end();
  if (!resumed) return 'the TLS session was not resumed';
  await stage.operator.revoke(identity.deviceId);
  return `resumed, then ${await admission(stage, () => stage.connect(identity, resumption))}`;
}
