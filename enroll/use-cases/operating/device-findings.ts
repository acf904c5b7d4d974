/**
 * How it stands with a device, in sentences for whoever is woken by it: what keeps it out, what was seen and refused of
 * it, and what to do about each. Pure.
 */
import type { CertificateView } from '../../../core/api/certificates.ts';
import type { DeviceDetail } from '../../../core/api/devices.ts';
import type { ExplainedRefusal, Finding, RefusalView } from '../../../core/api/explanation.ts';
import type { IssuerView } from '../../../core/api/issuers.ts';
import { type ErrorCode, errorCatalog } from '../../../core/errors.ts';
import type { DeviceId } from '../../../core/ids.ts';
import { describeDeparture } from '../../../core/observations/departure.ts';

const DAY = 86_400_000;
/** What is older was another matter, most likely. */
export const RECENT_MS = DAY;

export interface DeviceFacts {
  readonly id: DeviceId;
  /** Null where there is no such device. */
  readonly device: DeviceDetail | null;
  readonly issuers: readonly IssuerView[];
  /** ms, of its group. */
  readonly renewalGrace: number;
  readonly items: readonly ExplainedRefusal[];
  readonly claims: readonly RefusalView[];
  readonly strangers: readonly RefusalView[];
  /** ms since the epoch. */
  readonly now: number;
}

/** The gravest first. */
export function deviceFindings(facts: DeviceFacts): readonly Finding[] {
  const all = [
    ...certificates(facts),
    ...presence(facts),
    ...refusals(facts),
    ...claims(facts),
    ...strangers(facts),
  ];
  return [
    ...all.filter(({ severity }) => severity === 'problem'),
    ...all.filter(({ severity }) => severity === 'note'),
  ];
}

function* certificates({ id, device, issuers, renewalGrace, now }: DeviceFacts): Generator<Finding> {
  if (device === null) {
    yield problem(
      'No device of this ID is known here: nobody has imported it, and it has never enrolled.',
      `Check the ID with gatehouse device list; or let it enroll: gatehouse token create --device ${id}`,
    );
    return;
  }
  if (device.status === 'revoked') yield barred('device_revoked', `It was revoked at ${device.changedAt}.`);
  if (device.status === 'suspended')
    yield barred('device_suspended', `It was suspended at ${device.changedAt}.`);
  const [newest] = device.certificates;
  if (newest === undefined) {
    yield problem(
      'It is registered, and has never enrolled.',
      `Let it enroll: gatehouse token create --device ${id}`,
    );
    return;
  }
  if (device.status !== 'active') return;
  const good = device.certificates.filter((certificate) => lacks(certificate, issuers, now) === null);
  if (good.length === 0) yield withoutCertificate(newest, { id, issuers, renewalGrace, now });
  else yield* withCertificates(good, device, now);
}

function hasGoodCertificate({ device, issuers, now }: DeviceFacts): boolean {
  return device?.certificates.some((certificate) => lacks(certificate, issuers, now) === null) === true;
}

/** What keeps it from being admitted with this certificate; null where nothing does. */
function lacks(certificate: CertificateView, issuers: readonly IssuerView[], now: number): ErrorCode | null {
  const issuer = issuers.find(({ fingerprint }) => fingerprint === certificate.issuer);
  if (issuer?.status === 'retired') return 'issuer_retired';
  if (certificate.status !== 'active') return `certificate_${certificate.status}`;
  if (now > Date.parse(certificate.notAfter)) return 'certificate_expired';
  return now < Date.parse(certificate.notBefore) ? 'certificate_not_yet_valid' : null;
}

function withoutCertificate(
  newest: CertificateView,
  { id, issuers, renewalGrace, now }: Pick<DeviceFacts, 'id' | 'issuers' | 'renewalGrace' | 'now'>,
): Finding {
  const rule = lacks(newest, issuers, now) ?? 'certificate_expired';
  const what = `It has no certificate that is admitted: of the newest, ${newest.serialNumber}, "${errorCatalog[rule].title}".`;
  const graceEnds = Date.parse(newest.notAfter) + renewalGrace;
  if (rule === 'certificate_expired' && now <= graceEnds) {
    return problem(
      `${what} It expired at ${newest.notAfter}.`,
      `It may renew by itself until ${iso(graceEnds)}; look whether it reaches the device listener.`,
    );
  }
  return problem(what, `Let it enroll anew: gatehouse token create --device ${id}`);
}

function* withCertificates(
  good: readonly CertificateView[],
  { presence: seen }: DeviceDetail,
  now: number,
): Generator<Finding> {
  const [newest, ...older] = good;
  if (newest === undefined) return;
  const left = Date.parse(newest.notAfter) - now;
  const life = Date.parse(newest.notAfter) - Date.parse(newest.notBefore);
  if (left < life / 10) {
    yield problem(
      `Its certificate ends at ${newest.notAfter}, and it has not renewed.`,
      'Look whether it reaches the device listener, and what it was refused there.',
    );
  }
  if (older.length > 0 && newest.firstUsedAt === null) {
    yield note(
      `A renewal is under way: ${newest.serialNumber} was given out and never used, ${older[0]?.serialNumber} stands until it is.`,
    );
  }
  if (seen !== null && !good.some(({ serialNumber }) => serialNumber === seen.serialNumber)) {
    yield note(
      `It was last seen with the certificate ${seen.serialNumber}, which is not one of those that stand now.`,
    );
  }
}

function* presence(facts: DeviceFacts): Generator<Finding> {
  const { device } = facts;
  if (device === null || device.status !== 'active' || device.certificates.length === 0) return;
  const { presence: seen } = device;
  if (seen === null) {
    yield problem(
      'It has never been seen at the broker.',
      'Look whether it knows the address of the broker, and reaches it: port 8883, TLS from end to end.',
    );
  } else if (seen.status === 'unknown') {
    yield problem(
      `It was online at ${seen.since}; the broker has not reported since.`,
      'Look whether the broker runs (its /health), and whether enroll can read what it reports (DATA/reports).',
    );
  } else if (seen.status === 'offline') {
    yield problem(
      `It has been offline since ${seen.since}: ${describeDeparture(seen.reason ?? '')}.`,
      recentRefusals(facts).length > 0 || facts.strangers.length > 0
        ? null
        : 'Nothing was refused lately, so it has not tried to come back: look at the device and its network.',
    );
  } else if (!hasGoodCertificate(facts)) {
    yield note(
      'It was online when the broker last told; that its sessions have ended is known here in a moment.',
    );
  } else {
    yield note(`It is online since ${seen.since}, from ${seen.address}, with ${seen.sessions} session(s).`);
  }
}

/** That still stand: nothing is advised on what is over. */
function recentRefusals({ items, now }: DeviceFacts): readonly RefusalView[] {
  return items.filter(({ lastAt, settled }) => settled === null && isRecent(lastAt, now));
}

function isRecent(time: string, now: number): boolean {
  return now - Date.parse(time) < RECENT_MS;
}

function* refusals(facts: DeviceFacts): Generator<Finding> {
  const recent = recentRefusals(facts);
  for (const rule of new Set(recent.map((refusal) => refusal.rule))) {
    const those = recent.filter((refusal) => refusal.rule === rule);
    const [latest] = those;
    if (latest === undefined) continue;
    yield problem(`Refused by ${rule}, ${timesSince(those)}: ${latest.detail}`, latest.remedy);
  }
}

function* claims({ id, claims: all, now }: DeviceFacts): Generator<Finding> {
  const strangers = all.filter(({ lastAt }) => isRecent(lastAt, now));
  const [latest] = strangers;
  if (latest === undefined) return;
  yield note(
    `Somebody who has not proven to be ${id} was refused, ${timesSince(strangers)}, last from ${latest.address}: ${latest.rule}.`,
    'If that address is the device, it shows a certificate that is not one of those above.',
  );
}

/** Of an address anybody may have, so it is a hint, and never a problem of the device. */
function* strangers({ id, device, strangers: all }: DeviceFacts): Generator<Finding> {
  const [latest] = all;
  if (latest === undefined) return;
  const seen = device?.presence ?? null;
  const where = seen === null ? 'Somebody' : `From ${seen.address}, where it was last seen, somebody`;
  const last = seen === null ? `, last from ${latest.address}` : '';
  yield note(
    `${where} was refused without having said who they are, ${timesSince(all)}${last}: ${latest.detail}.`,
    `If that was ${id}: ${latest.remedy}`,
  );
}

function timesSince(those: readonly RefusalView[]): string {
  const times = those.reduce((sum, { count }) => sum + count, 0);
  const [first = ''] = those.map(({ firstAt }) => firstAt).sort();
  return times === 1 ? `once, at ${first}` : `${times} times since ${first}`;
}

function barred(rule: ErrorCode, text: string): Finding {
  return problem(text, errorCatalog[rule].remedy);
}

function problem(text: string, next: string | null): Finding {
  return { severity: 'problem', text, next };
}

function note(text: string, next: string | null = null): Finding {
  return { severity: 'note', text, next };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
