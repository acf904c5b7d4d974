/** Whatever happened to the certificates: deltas and shards say just what the full list says. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type CrlPart, crlPartOf } from '../../core/pki/crl-names.ts';
import { oids } from '../../core/pki/oids.ts';
import { randomSerialNumber } from '../../core/pki/serial-number.ts';
import { buildLists } from '../../enroll/crl/build-lists.ts';
import type { BuiltLists, ListsRequest } from '../../enroll/crl/lists-request.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { CertificateStatus } from '../../registry/records.ts';
import { CrlRows } from '../../registry/sqlite/crl-rows.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { certificate, change, issuer, NOW, seed } from '../registry/samples.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type ReadCrl, readTbsCertList } from './reading.ts';

const HOUR = 3_600_000;
const REMOVE_FROM_CRL = 8;
const folder = temporaryFolder();
const { issuing } = await createAuthority({ now: NOW });
const open: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of open) await close();
});

/** A registry with certificates that expire hour by hour, and the rows that lists are built from. */
async function world(certificates: number): Promise<World> {
  const file = join(mkdtempSync(join(folder, 'world-')), 'registry.db');
  const registry = await openRegistry({ file, clock: { now: () => NOW } });
  await seed(registry);
  const records = Array.from({ length: certificates }, (_, index) =>
    certificate(`${index}`, { serialNumber: randomSerialNumber(), notAfter: NOW + (index + 1) * 2 * HOUR }),
  );
  await change(registry, async (transaction) => {
    for (const record of records) await transaction.insertCertificate(record);
  });
  const rows = new CrlRows(file);
  open.push(async () => {
    rows.close();
    await registry.close();
  });
  return { registry, rows, records };
}

interface World {
  readonly registry: Registry;
  readonly rows: CrlRows;
  readonly records: readonly ReturnType<typeof certificate>[];
}

const request = (change: Partial<ListsRequest>): ListsRequest => ({
  issuer: { ...issuing.certificate, fingerprint: issuer.fingerprint },
  algorithm: 'ecdsa-sha256',
  number: 1n,
  thisUpdate: NOW,
  nextUpdate: NOW + 24 * HOUR,
  statusUrl: 'http://status.example',
  shardings: [16, 256],
  expiresFrom: NOW,
  base: null,
  shardsSince: null,
  ...change,
});

function read({ lists }: BuiltLists): ReadonlyMap<CrlPart, ReadCrl> {
  return new Map(
    lists.map(({ part, room, start, end }) => [part, readTbsCertList(room.subarray(start, end))]),
  );
}

const entriesOf = (lists: ReadonlyMap<CrlPart, ReadCrl>, part: CrlPart) =>
  lists.get(part)?.entries ?? new Map();

/** What a relying party makes of the two (RFC 5280 §5.2.4). */
function combined(
  base: ReadonlyMap<string, number>,
  delta: ReadonlyMap<string, number>,
): Map<string, number> {
  const result = new Map(base);
  for (const [serial, reason] of delta) {
    if (reason === REMOVE_FROM_CRL) result.delete(serial);
    else result.set(serial, reason);
  }
  return result;
}

const step = fc.record({
  certificate: fc.nat(11),
  status: fc.constantFrom<CertificateStatus>('revoked', 'suspended', 'active', 'superseded'),
  hours: fc.nat(3),
});

describe('after any history of revocations, suspensions, resumptions, replacements and expiries', () => {
  it('a list of before and the delta make the full list of now', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.array(step, { maxLength: 12 }),
        fc.array(step, { maxLength: 12 }),
        async (first, second, third) => {
          const { registry, rows, records } = await world(12);
          let now = NOW;
          const live = async (steps: typeof first) => {
            for (const { certificate: index, status, hours } of steps) {
              now += hours * HOUR;
              const serial = records[index]?.serialNumber;
              if (serial === undefined) throw new Error(`there is no record ${index}`);
              const before = await registry.certificateBySerial(serial);
              // What is revoked stays so.
              if (before?.status === 'revoked') continue;
              await change(registry, (transaction) =>
                transaction.setCertificateStatus([serial], status, now),
              );
            }
          };
          await live(first);
          const baseTime = now;
          const base = buildLists(rows, request({ number: 1n, thisUpdate: now }));
          await live(second);
          const common = { base: { number: 1n, seq: base.head.seq }, expiresFrom: baseTime };
          const between = buildLists(rows, request({ ...common, number: 2n, thisUpdate: now }));
          await live(third);
          const since = between.head.seq;
          const after = buildLists(
            rows,
            request({ ...common, number: 3n, thisUpdate: now, shardsSince: since }),
          );

          const full = entriesOf(read(after), 'full');
          const delta = entriesOf(read(after), 'delta');
          const inTime = new Set<string>(
            records.filter(({ notAfter }) => notAfter >= baseTime).map(({ serialNumber }) => serialNumber),
          );
          const known = (entries: ReadonlyMap<string, number>) =>
            new Map([...entries].filter(([serial]) => inTime.has(serial)));
          // Any list between the base and now will do (RFC 5280 §5.2.4, condition (c)).
          for (const list of [base, between])
            expect(new Map([...combined(known(entriesOf(read(list), 'full')), delta)].sort())).toEqual(
              new Map([...full].sort()),
            );

          // What a shard says that was not built again is still true.
          const shards = new Map([...read(between), ...read(after)]);
          for (const shardsOf of [16, 256] as const) {
            for (const { serialNumber } of records) {
              const shard = entriesOf(shards, crlPartOf(serialNumber, shardsOf));
              expect(shard.get(serialNumber)).toBe(full.get(serialNumber));
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('the lists of one moment', () => {
  const serials = (lists: ReadonlyMap<CrlPart, ReadCrl>, part: CrlPart) => [...entriesOf(lists, part).keys()];

  it('have one number, and one scope where one adds to the other', async () => {
    const { rows } = await world(1);
    const base = { number: 4n, seq: 0 };
    const lists = read(buildLists(rows, request({ number: 9n, shardings: [16], base })));
    expect(new Set([...lists.values()].map(({ number }) => number))).toEqual(new Set([9n]));
    const [full, delta, shard] = [lists.get('full'), lists.get('delta'), lists.get('shard-a')];
    const scope = (list: ReadCrl | undefined) => list?.extensions.get(oids.issuingDistributionPoint);
    expect(scope(full)).toBe(scope(delta));
    expect(scope(full)).toMatch(/^critical /);
    const address = (suffix: string) =>
      Buffer.from(`http://status.example/crl/${issuer.fingerprint}${suffix}.crl`).toString('hex');
    for (const suffix of ['', '-0', '-a', '-f']) expect(scope(full)).toContain(address(suffix));
    expect(scope(shard)).toContain(address('-a'));
    expect(scope(shard)).not.toContain(address(''));
    expect(delta?.extensions.get(oids.deltaCrlIndicator)).toBe('critical 020104');
    expect(full?.extensions.get(oids.freshestCrl)).toContain(address('-delta'));
    expect(full?.extensions.has(oids.deltaCrlIndicator)).toBe(false);
    expect(shard?.extensions.has(oids.freshestCrl)).toBe(false);
  });

  it('split the full one without a rest', async () => {
    const { registry, rows, records } = await world(40);
    const revoked = records.map(({ serialNumber }) => serialNumber);
    await change(registry, (transaction) => transaction.setCertificateStatus(revoked, 'revoked', NOW));
    const lists = read(buildLists(rows, request({})));
    expect(lists.size).toBe(2 + 16 + 256);
    for (const length of [1, 2]) {
      const parts = [...lists.keys()].filter((part) => part.length === 'shard-'.length + length);
      expect(parts.flatMap((part) => serials(lists, part)).sort()).toEqual([...revoked].sort());
      for (const part of parts) {
        const ending = part.replace('shard-', '').toUpperCase();
        expect(serials(lists, part).every((serial) => serial.endsWith(ending))).toBe(true);
      }
    }
  });

  it('leave out shards in which nothing has changed', async () => {
    const { registry, rows, records } = await world(40);
    const before = buildLists(rows, request({}));
    const [first] = records;
    if (first === undefined) throw new Error('there are no records');
    const { serialNumber } = first;
    await change(registry, (transaction) =>
      transaction.setCertificateStatus([serialNumber], 'suspended', NOW),
    );
    const base = { number: 1n, seq: before.head.seq };
    const lists = read(buildLists(rows, request({ base, shardsSince: before.head.seq })));
    expect([...lists.keys()]).toEqual([
      'full',
      'delta',
      crlPartOf(serialNumber, 16),
      crlPartOf(serialNumber, 256),
    ]);
  });

  it('are of the issuer alone', async () => {
    const { rows } = await world(3);
    const other = { ...request({}).issuer, fingerprint: 'f'.repeat(64) as typeof issuer.fingerprint };
    const lists = read(buildLists(rows, request({ issuer: other, base: { number: 1n, seq: 0 } })));
    expect([...lists.values()].every(({ entries }) => entries.size === 0)).toBe(true);
  });
});
