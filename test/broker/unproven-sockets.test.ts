/** Places and failures by network, by a clock of the test's own. */
import { describe, expect, it } from '@jest/globals';
import { Allowance } from '../../broker/front/allowance.ts';
import { networkOf } from '../../broker/front/network-of.ts';
import { UnprovenSockets } from '../../broker/front/unproven-sockets.ts';

const limits = { unproven: 6, unprovenPerAddress: 4, failuresPerSecond: 10, failuresPerSecondPerAddress: 1 };

describe('networkOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
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
    expect(allowance.isLeft(500)).toBe(true);
    allowance.refund();
    expect(allowance.isLeft(0)).toBe(true);
    expect(allowance.debt(20_000)).toBeLessThan(0);
  });
});

describe('unproven sockets', () => {
  it('are bounded by network and in all, and a place is given back once', () => {
    const sockets = new UnprovenSockets(limits);
    for (let port = 1; port <= 4; port++) expect(sockets.enter(`2001:db8::${port}`, port, 0)).toBe(true);
    expect(sockets.enter('2001:db8::5', 5, 0)).toBe(false);
    expect(sockets.enter('192.0.2.1', 1, 0)).toBe(true);
    expect(sockets.enter('192.0.2.2', 1, 0)).toBe(true);
    expect(sockets.enter('192.0.2.3', 1, 0)).toBe(false);
    sockets.leave('2001:db8::1', 1);
    sockets.leave('2001:db8::1', 1);
    expect(sockets.enter('192.0.2.3', 1, 0)).toBe(true);
    expect(sockets.enter('192.0.2.4', 1, 0)).toBe(false);
  });

  it('that prove themselves cost nothing, and the others do, for a while', () => {
    const sockets = new UnprovenSockets(limits);
    const now = performance.now();
    for (let port = 1; port <= 50; port++) {
      expect(sockets.enter('192.0.2.1', port, now)).toBe(true);
      sockets.prove('192.0.2.1', port);
      sockets.leave('192.0.2.1', port);
    }
    for (let port = 1; port <= 10; port++) {
      expect(sockets.enter('192.0.2.1', port, now)).toBe(true);
      sockets.leave('192.0.2.1', port);
    }
    expect(sockets.enter('192.0.2.1', 1, now)).toBe(false);
    expect(sockets.enter('192.0.2.2', 1, now)).toBe(true);
    expect(sockets.enter('192.0.2.1', 1, now + 1_001)).toBe(true);
  });

  it('use up what all may, from wherever they come', () => {
    const sockets = new UnprovenSockets(limits);
    for (let count = 1; count <= 100; count++) {
      expect(sockets.enter(`192.0.2.${count}`, 1, 0)).toBe(true);
      sockets.leave(`192.0.2.${count}`, 1);
    }
    expect(sockets.enter('192.0.2.101', 1, 0)).toBe(false);
    expect(sockets.enter('192.0.2.101', 1, 101)).toBe(true);
  });
});
