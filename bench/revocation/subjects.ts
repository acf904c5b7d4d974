/** Which of the registered certificates are asked about, and which devices are revoked while it is measured. */
import type { DeviceId, SerialNumber } from '../../core/ids.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { DeviceStatus, IssuerRecord } from '../../registry/records.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { dataLayout } from '../../runtime/layout.ts';

const PAGE = 1_000;

export interface Subjects {
  /** The CA that issued all of them. */
  readonly issuer: IssuerRecord;
  /** Some that stand and some that are revoked, in the proportion in which they were registered. */
  readonly asked: readonly SerialNumber[];
  /** Devices that stand, others than those asked about. */
  readonly toRevoke: readonly DeviceId[];
}

export interface Wanted {
  /** Of certificates that stand, and of certificates that are revoked. */
  readonly standing: number;
  readonly revoked: number;
  readonly toRevoke: number;
}

export async function findSubjects(data: string, wanted: Wanted): Promise<Subjects> {
  const registry = await openRegistryView({ file: dataLayout(data).registry.database });
  try {
    const issuer = (await registry.issuers()).find(({ kind }) => kind === 'issuing');
    if (issuer === undefined) throw new Error('The registry has no issuing CA');
    const standing = await devicesThatAre('active', wanted.standing + wanted.toRevoke, registry);
    const revoked = await devicesThatAre('revoked', wanted.revoked, registry);
    const asked: SerialNumber[] = [];
    for (const device of [...standing.slice(0, wanted.standing), ...revoked]) {
      const [certificate] = await registry.certificatesOf(device);
      if (certificate !== undefined) asked.push(certificate.serialNumber);
    }
    return { issuer, asked, toRevoke: standing.slice(wanted.standing) };
  } finally {
    await registry.close();
  }
}

async function devicesThatAre(
  status: DeviceStatus,
  count: number,
  registry: RegistryReader,
): Promise<DeviceId[]> {
  const found: DeviceId[] = [];
  while (found.length < count) {
    const limit = Math.min(PAGE, count - found.length);
    const after = found.at(-1);
    const page = await registry.devices({ status, limit, ...(after !== undefined && { after }) });
    if (page.length === 0) break;
    found.push(...page.map(({ id }) => id));
  }
  return found;
}
