/** When certificates are to be renewed: within the window, spread over it, and always the same moment for one. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseSerialNumber } from '../../core/ids.ts';
import { renewAfter } from '../../core/pki/renewal.ts';

const serialNumbers = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((octets) => parseSerialNumber(Buffer.from(octets).toString('hex')));
const lifetimes = fc.record({
  serialNumber: serialNumbers,
  issuedAt: fc.integer({ min: 0, max: 4e12 }),
  life: fc.integer({ min: 1, max: 100 * 365 * 86_400_000 }),
});

describe('the moment to renew', () => {
  it('lies between two thirds and three quarters of the life', () => {
    fc.assert(
      fc.property(lifetimes, ({ serialNumber, issuedAt, life }) => {
        const moment = renewAfter({ serialNumber, issuedAt, notAfter: issuedAt + life });
        expect(moment - issuedAt).toBeGreaterThanOrEqual(Math.floor((life * 2) / 3));
        expect(moment - issuedAt).toBeLessThanOrEqual(Math.ceil((life * 3) / 4));
      }),
    );
  });

  it('lies in the first quarter of what is left after the part that a profile names', () => {
    const earliest = fc.integer({ min: 10, max: 90 }).map((percent) => percent / 100);
    fc.assert(
      fc.property(lifetimes, earliest, ({ serialNumber, issuedAt, life }, part) => {
        const moment = renewAfter({ serialNumber, issuedAt, notAfter: issuedAt + life }, part) - issuedAt;
        expect(moment).toBeGreaterThanOrEqual(Math.floor(life * part));
        expect(moment).toBeLessThanOrEqual(Math.ceil(life * (part + (1 - part) / 4)));
      }),
    );
  });

  it('is the same whenever it is asked', () => {
    fc.assert(
      fc.property(lifetimes, ({ serialNumber, issuedAt, life }) => {
        const lifetime = { serialNumber, issuedAt, notAfter: issuedAt + life };
        expect(renewAfter(lifetime)).toBe(renewAfter({ ...lifetime }));
      }),
    );
  });

  it('is spread evenly over the window, be the serial numbers random or not', () => {
    const tenths = new Array<number>(10).fill(0);
    for (let index = 0; index < 10_000; index++) {
      const serialNumber = parseSerialNumber(index.toString(16).padStart(6, '0'));
      const part = renewAfter({ serialNumber, issuedAt: 0, notAfter: 12_000_000_000 }) / 12_000_000_000;
      const tenth = Math.min(9, Math.floor((part - 2 / 3) * 120));
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(count).toBeGreaterThan(800);
  });
});
