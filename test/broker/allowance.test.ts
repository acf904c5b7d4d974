/** How much of anything may come in a while: of a network, and of one device. */
import { describe, expect, it } from '@jest/globals';
import { Allowance } from '../../broker/front/allowance.ts';
import { ConnectRates } from '../../broker/front/connect-rates.ts';
import { addressOf, networkOf } from '../../broker/front/peer-address.ts';
import { parseDeviceId } from '../../core/ids.ts';

describe('addressOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['::ffff:1', '::ffff:1'],
    ['2001:db8::1', '2001:db8::1'],
    [undefined, undefined],
  ])('of %s is %s', (remoteAddress, address) => {
    expect(addressOf({ remoteAddress })).toBe(address);
  });
});

describe('networkOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('Allowance', () => {
  it('is ten seconds’ worth at once, comes back with time, and what was given back counts', () => {
    const allowance = new Allowance(2);
    for (let count = 0; count < 20; count++) {
      expect(allowance.isLeft(0)).toBe(true);
      allowance.spend(0);
    }
    expect(allowance.isLeft(0)).toBe(false);
    expect(allowance.isLeft(499)).toBe(false);
    expect(allowance.wait(499)).toBe(1);
    expect(allowance.isLeft(500)).toBe(true);
    allowance.refund();
    expect(allowance.isLeft(0)).toBe(true);
    expect(allowance.debt(20_000)).toBeLessThan(0);
  });
});

describe('how often a device connects', () => {
  it('is bounded in the long run, for each by itself', () => {
    const rates = new ConnectRates({ connectsPerSecond: 2 });
    const tooOften = expect.objectContaining({ code: 'connect_rate_exceeded' });
    const [one, other] = [parseDeviceId('one'), parseDeviceId('other')];
    for (let count = 0; count < 120; count++) rates.spend(one, 0);
    expect(() => rates.spend(one, 0)).toThrow(tooOften);
    rates.spend(other, 0);
    expect(() => rates.spend(one, 499)).toThrow(tooOften);
    rates.spend(one, 500);
    expect(() => rates.spend(one, 500)).toThrow(tooOften);
    rates.spend(one, 60_500);
  });
});
