/** `gatehouse ca retire`: ends CAs that others have succeeded, and says first whom that would lock out. */
import type { Command } from 'commander';
import type { CaRetirement, CaStatusView, IssuerStatusView, RetireRequest } from '../../core/api/issuers.ts';
import type { Page } from '../../core/api/page.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { countUpTo } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand, type Session } from '../operator-command.ts';
import { issuerNamed } from './ca-names.ts';

/** IDs that people are shown of those who would be locked out. */
const SHOWN = 20;
const MOST = 100_000_000;
const NONE_RETIRING = 'no issuing CA is retiring; gatehouse ca rotate begins a rollover';

interface RetireFlags {
  readonly dryRun?: true;
  readonly lockOut?: number;
}

/** What --dry-run --json prints of each CA. */
interface Consequence {
  readonly fingerprint: string;
  readonly subject: string;
  readonly kind: 'root' | 'issuing';
  readonly dependents: readonly DeviceId[];
}

export function retireCommand(ca: Command, io: CommandIo): void {
  const retire = ca
    .command('retire')
    .description(
      'Ends CAs that another has succeeded: their certificates are admitted no more, and live sessions under them end. ' +
        'Without names, all issuing CAs that are retiring; a root has to be named. Refuses to lock out more devices than --lock-out says.',
    )
    .argument('[ca...]', 'fingerprint, the beginning of one, or subject')
    .option('--dry-run', 'only say whom it would lock out')
    .option('--lock-out <count>', 'as many devices may be locked out (default: none)', countUpTo(MOST));
  addExamples(retire, [
    'gatehouse ca retire --dry-run',
    'gatehouse ca retire',
    'gatehouse ca retire 5feceb66 --lock-out 3',
  ]);
  operatorCommand<[names: readonly string[]], RetireFlags>(retire, io, async (session, flags, names) => {
    const { issuers } = await session.api.get<CaStatusView>('/issuers/status');
    const chosen = choose(issuers, names, (text) => retire.error(text));
    if (flags.dryRun) return foretell(session, chosen);
    await retireAll(session, chosen, flags.lockOut ?? 0);
    const root = issuers.find(({ kind, status }) => kind === 'root' && status === 'retiring');
    if (root === undefined || chosen.includes(root)) return;
    session.output.note(
      `The root ${root.fingerprint} is still retiring. Once every device trusts the new one as well, end it:\n` +
        `gatehouse ca retire ${root.fingerprint.slice(0, 16)}`,
    );
  });
}

/** Issuing CAs before roots, which go after those that come from them. */
function choose(
  issuers: readonly IssuerStatusView[],
  names: readonly string[],
  misuse: (text: string) => never,
): readonly IssuerStatusView[] {
  if (names.length === 0) {
    return issuers.filter(({ kind, status }) => kind === 'issuing' && status === 'retiring');
  }
  const named = names.map((name) => issuerNamed(issuers, name, misuse));
  return [...new Set(named)].toSorted((one, other) => one.kind.localeCompare(other.kind));
}

async function foretell({ api, output }: Session, chosen: readonly IssuerStatusView[]): Promise<void> {
  const consequences: Consequence[] = [];
  for (const { fingerprint, subject, kind } of chosen) {
    const dependents: DeviceId[] = [];
    for await (const page of api.pages<DeviceId>(`/issuers/${fingerprint}/dependents`))
      dependents.push(...page);
    consequences.push({ fingerprint, subject, kind, dependents });
  }
  output.result(consequences, () =>
    consequences.length === 0
      ? NONE_RETIRING
      : consequences.map((one) => describe(one, one.dependents.length)).join('\n'),
  );
}

async function retireAll(
  { api, output }: Session,
  chosen: readonly IssuerStatusView[],
  lockOut: number,
): Promise<void> {
  const retired: CaRetirement[] = [];
  let left = lockOut;
  for (const { fingerprint, subject, kind, devices } of chosen) {
    const { items } = await api.get<Page<DeviceId>>(`/issuers/${fingerprint}/dependents`, { limit: SHOWN });
    if (items.length > 0 || kind === 'root') {
      output.note(describe({ subject, kind, dependents: items }, Math.max(devices ?? 0, items.length)));
    }
    const request: RetireRequest = { lockOut: left };
    const result = await api.post<CaRetirement>(`/issuers/${fingerprint}/retire`, request);
    left -= result.lockedOut;
    retired.push(result);
    if (!result.listedByRoot) output.note(unlisted(subject));
  }
  output.result(retired, () =>
    retired.length === 0
      ? NONE_RETIRING
      : retired
          .map(({ issuer, lockedOut }) => `${issuer.subject} is retired; locked out: ${lockedOut}`)
          .join('\n'),
  );
}

function describe(
  { subject, kind, dependents }: Pick<Consequence, 'subject' | 'kind' | 'dependents'>,
  count: number,
): string {
  if (kind === 'root') {
    return (
      `Without the root ${subject}, devices that trust no other root refuse this Gatehouse.\n` +
      'Nobody here can count them: GET /v1/ca gives a device both roots for as long as both are in use.'
    );
  }
  if (count === 0) return `Without ${subject}, nobody would be locked out.`;
  const more = count > SHOWN ? `\n  and ${count - SHOWN} more` : '';
  const shown = dependents.slice(0, SHOWN).map((id) => `\n  ${id}`);
  return `Without ${subject}, ${count} ${count === 1 ? 'device' : 'devices'} would be locked out:${shown.join('')}${more}`;
}

function unlisted(subject: string): string {
  return (
    `The root's key is not in DATA/ca, so its CRL does not name ${subject} yet: others who trust the root\n` +
    'go on accepting what it issued. The next CRL that the root signs makes up for it.'
  );
}
