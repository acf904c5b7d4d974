/** What revoked devices have stored goes behind the journal's reader, which counts as there only once nothing of it is left. */
import { beforeEach, expect, it } from '@jest/globals';
import type { JournalPlace } from '../../broker/persistence/applied-revocations.ts';
import { LiveTable } from '../../broker/sessions/live-table.ts';
import { Revocations } from '../../broker/sessions/revocations.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import { eventually } from '../support/eventually.ts';

interface Discarding {
  readonly devices: readonly DeviceId[];
  readonly end: (error?: Error) => void;
}

let discarding: Discarding[];
let noted: number[];
let revoked: DeviceId[];
let revocations: Revocations;
beforeEach(() => {
  [discarding, noted, revoked] = [[], [], []];
  revocations = new Revocations({
    applied: {
      isOutstanding: () => true,
      isAhead: () => false,
      noteAhead: () => {},
      noteApplied: ({ seq }: JournalPlace) => void noted.push(seq),
    },
    live: new LiveTable(),
    cutOff: {
      cutAll: async () => {},
      discard: (devices) =>
        new Promise((resolve, reject) => {
          discarding.push({ devices, end: (error) => (error === undefined ? resolve() : reject(error)) });
        }),
    },
    onRevoked: (devices) => void revoked.push(...devices),
  });
});

const place = (seq: number): JournalPlace => ({ seq, hash: `${seq}` });
const [one, two] = [parseDeviceId('one'), parseDeviceId('two')];
/** Whatever goes on by promises alone has done so. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('the next row does not wait for what is being removed, and they count when it is', async () => {
  await revocations.apply([one], 1);
  await revocations.apply([two], 2);
  void revocations.noteApplied(place(2));
  discarding[1]?.end();
  await eventually(() => revoked.includes(two));
  await settled();
  expect(noted).toEqual([]);
  discarding[0]?.end();
  await eventually(() => noted.length > 0);
  expect([noted, revoked]).toEqual([[2], [two, one]]);
});

it('where it could not be removed, that is left to the next start', async () => {
  await revocations.apply([one], 1);
  const noting = revocations.noteApplied(place(1));
  discarding[0]?.end(new GatehouseError('session_store_failed'));
  await noting;
  expect([noted, revoked]).toEqual([[], []]);
});

it('so many that they would fill memory are waited for', async () => {
  const many = Array.from({ length: 10_001 }, (_, index) => parseDeviceId(`device-${index}`));
  let isApplied = false;
  const applying = revocations.apply(many, 1).then(() => {
    isApplied = true;
  });
  await settled();
  expect(isApplied).toBe(false);
  discarding[0]?.end();
  await applying;
  expect(revoked).toHaveLength(many.length);
});
