/** How factory certificates name devices, and how long devices wait for operators. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { retryAfter } from '../../core/enrollment/approval.ts';
import {
  type FactoryNames,
  factoryDeviceId,
  ID_PREFIX,
  idSources,
} from '../../core/enrollment/factory-rule.ts';
import { GatehouseError } from '../../core/errors.ts';
import { isDeviceId } from '../../core/ids.ts';
import { anyCharacter } from '../support/any-character.ts';

const none: FactoryNames = { cn: [], serialNumber: [], dns: [], uri: [] };

describe('factoryDeviceId', () => {
  it.each(idSources)('takes the one value of %s, behind the prefix', (idFrom) => {
    const names = { ...none, [idFrom]: ['0042'] };
    expect(factoryDeviceId({ idFrom, idPrefix: 'acme-' }, names)).toBe('acme-0042');
    for (const values of [[], ['1', '2'], [null], ['']]) {
      const refused = () => factoryDeviceId({ idFrom, idPrefix: '' }, { ...none, [idFrom]: values });
      expect(refused).toThrow(expect.objectContaining({ code: 'factory_id_invalid' }));
    }
  });

  it('gives device IDs or refuses, whatever is in the field', () => {
    const text = fc.oneof(
      fc.string({ unit: anyCharacter, maxLength: 80 }),
      fc.stringMatching(/^[\w.:-]{1,70}$/),
    );
    fc.assert(
      fc.property(text, fc.stringMatching(ID_PREFIX), (value, idPrefix) => {
        try {
          const id = factoryDeviceId({ idFrom: 'cn', idPrefix }, { ...none, cn: [value] });
          expect([isDeviceId(id), id]).toEqual([true, idPrefix + value]);
        } catch (error) {
          expect(error).toBeInstanceOf(GatehouseError);
        }
      }),
    );
  });
});

describe('retryAfter', () => {
  it('grows with the wait, from seconds to a quarter of an hour', () => {
    const minute = 60_000;
    const waits = [0, 9_999, minute, 10 * minute, 30 * minute, 7 * 24 * 60 * minute].map(retryAfter);
    expect(waits).toEqual([5, 5, 30, 300, 900, 900]);
  });

  it('is a whole number of seconds even where a clock went back', () => {
    expect(retryAfter(-5_000)).toBe(5);
    expect(retryAfter(20_001)).toBe(11);
  });
});
