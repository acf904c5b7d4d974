/** How far a rollover has come: which CAs there are, and how many devices have moved to the one that is active. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DeviceId, Fingerprint } from '../../core/ids.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { FleetProgress, IssuerRecord } from '../../registry/records.ts';

/** Devices that are counted in one go: some 4 ms, and then others have their turn. */
const STEP = 10_000;

export interface CaStatus {
  /** Devices that can be counted on: see FleetProgress. */
  readonly devices: number;
  /** Those that are known to have a certificate of the active issuing CA. */
  readonly moved: number;
  readonly issuers: readonly {
    readonly issuer: IssuerRecord;
    /** On the active issuing CA, or dependent on the retiring one; null for roots and for what is retired. */
    readonly devices: number | null;
  }[];
}

export async function caStatus(registry: RegistryReader, now: number): Promise<CaStatus> {
  const issuers = await registry.issuers();
  const issuing = issuers.filter(({ kind, status }) => kind === 'issuing' && status !== 'retired');
  const retiring = issuing.filter(({ status }) => status === 'retiring');
  const counted = new Map<Fingerprint, number>();
  let fleet = { devices: 0, moved: 0 };
  // Each count goes through the whole fleet, and tells of the active issuer besides.
  for (const { fingerprint } of retiring.length > 0 ? retiring : issuing) {
    const { dependents, ...progress } = await countFleet(registry, fingerprint, now);
    counted.set(fingerprint, dependents);
    fleet = progress;
  }
  for (const { fingerprint, status } of issuing)
    if (status === 'active') counted.set(fingerprint, fleet.moved);
  return {
    ...fleet,
    issuers: issuers.map((issuer) => ({ issuer, devices: counted.get(issuer.fingerprint) ?? null })),
  };
}

/** The whole fleet, and who of it depends on `issuer`: step by step, and so not of one moment. */
export async function countFleet(
  registry: RegistryReader,
  issuer: Fingerprint,
  now: number,
): Promise<Omit<FleetProgress, 'last'>> {
  const sum = { devices: 0, moved: 0, dependents: 0 };
  for (let after: DeviceId | null | undefined; after !== null; ) {
    const query = { issuer, now, limit: STEP };
    const step: FleetProgress = await registry.fleetProgress(
      after === undefined ? query : { ...query, after },
    );
    sum.devices += step.devices;
    sum.moved += step.moved;
    sum.dependents += step.dependents;
    after = step.devices < STEP ? null : step.last;
    await nextTurn();
  }
  return sum;
}
