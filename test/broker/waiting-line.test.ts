/** Whose turn it is, by a clock of the test's own. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type SocketName, socketName } from '../../broker/front/socket-name.ts';
import { type LineLimits, WaitingLine } from '../../broker/front/waiting-line.ts';

const limits: LineLimits = {
  ...{ handshakes: 6, handshakesPerAddress: 4, unproven: 12, unprovenPerAddress: 8 },
  ...{ failuresPerSecond: 10, failuresPerSecondPerAddress: 1 },
  ...{ waiting: 20, waitingPerAddress: 10, waitingTime: 30_000 },
};

function nameOf(remoteAddress: string, remotePort: number): SocketName {
  return socketName({ remoteAddress, remotePort, localAddress: '192.0.2.254', localPort: 8883 });
}

describe('the waiting line', () => {
  let line: WaitingLine;
  let begun: string[];
  let givenUp: string[];
  let leaving: Map<string, () => void>;
  let isBusy: boolean;
  beforeEach(() => {
    jest.useFakeTimers();
    begun = [];
    givenUp = [];
    leaving = new Map();
    isBusy = false;
    start();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function start(rest: Partial<LineLimits> = {}): void {
    line = new WaitingLine(
      { ...limits, ...rest },
      {
        get isBusy() {
          return isBusy;
        },
      },
    );
  }

  function join(address: string, port: number): boolean {
    const name = `${address} ${port}`;
    const leaves = line.join({
      ...{ address, name: nameOf(address, port) },
      begin: () => begun.push(name),
      giveUp: () => givenUp.push(name),
    });
    if (leaves !== null) leaving.set(name, leaves);
    return leaves !== null;
  }

  function leave(address: string, port: number): void {
    leaving.get(`${address} ${port}`)?.();
  }

  function prove(address: string, port: number): void {
    line.prove(nameOf(address, port));
  }

  /** Whose turn it became meanwhile. */
  function news(): readonly string[] {
    return begun.splice(0);
  }

  it('lets as many of a network begin as may, and the next in its order when one is proven or gone', () => {
    for (let port = 1; port <= 7; port++) expect(join('2001:db8::1', port)).toBe(true);
    expect(news()).toEqual(['2001:db8::1 1', '2001:db8::1 2', '2001:db8::1 3', '2001:db8::1 4']);
    prove('2001:db8::1', 2);
    expect(news()).toEqual(['2001:db8::1 5']);
    leave('2001:db8::1', 2);
    leave('2001:db8::1', 6); // which waits
    expect(news()).toEqual([]);
    leave('2001:db8::1', 1);
    expect(news()).toEqual(['2001:db8::1 7']);
  });

  it('gives each network its turn, however many of another are before it', () => {
    start({ handshakes: 2 });
    for (let port = 1; port <= 5; port++) join('192.0.2.1', port);
    for (let port = 1; port <= 2; port++) join('192.0.2.2', port);
    join('192.0.2.3', 1);
    expect(news()).toEqual(['192.0.2.1 1', '192.0.2.1 2']);
    for (const address of ['192.0.2.1 1', '192.0.2.1 2', '192.0.2.1 3', '192.0.2.2 1', '192.0.2.3 1']) {
      const [name = '', port] = address.split(' ');
      prove(name, Number(port));
    }
    expect(news()).toEqual(['192.0.2.1 3', '192.0.2.2 1', '192.0.2.3 1', '192.0.2.1 4', '192.0.2.2 2']);
  });

  it('is not held up by those who take long, until there are too many of them', () => {
    for (let port = 1; port <= 10; port++) join('192.0.2.1', port);
    expect(news()).toHaveLength(4);
    jest.advanceTimersByTime(999);
    expect(news()).toHaveLength(0);
    jest.advanceTimersByTime(1);
    expect(news()).toHaveLength(4);
    jest.advanceTimersByTime(20_000);
    expect(news()).toHaveLength(0);
    leave('192.0.2.1', 1);
    jest.advanceTimersByTime(1_000); // its failure is paid for by then
    expect(news()).toEqual(['192.0.2.1 9']);
  });

  it('waits for those who take long while the process is too busy to be any faster', () => {
    isBusy = true;
    for (let port = 1; port <= 10; port++) join('192.0.2.1', port);
    jest.advanceTimersByTime(5_000);
    expect(news()).toHaveLength(4);
    prove('192.0.2.1', 1);
    expect(news()).toEqual(['192.0.2.1 5']);
    isBusy = false;
    jest.advanceTimersByTime(250);
    expect(news()).toHaveLength(3);
  });

  it('is not held up in all by those who take long either', () => {
    start({ handshakes: 2 });
    for (let host = 1; host <= 4; host++) join(`192.0.2.${host}`, 1);
    expect(news()).toHaveLength(2);
    jest.advanceTimersByTime(1_000);
    expect(news()).toEqual(['192.0.2.3 1', '192.0.2.4 1']);
  });

  it('bounds those who are under way in all', () => {
    start({ unproven: 3 });
    for (let host = 1; host <= 4; host++) join(`192.0.2.${host}`, 1);
    jest.advanceTimersByTime(10_000);
    expect(news()).toHaveLength(3);
    prove('192.0.2.2', 1);
    expect(news()).toEqual(['192.0.2.4 1']);
  });

  it('lets the next of a network wait while too many of it come to nothing, and no other', () => {
    for (let port = 1; port <= 10; port++) {
      join('192.0.2.1', port);
      leave('192.0.2.1', port);
    }
    expect(news()).toHaveLength(10);
    join('192.0.2.1', 11);
    expect(news()).toEqual([]);
    join('192.0.2.2', 1);
    expect(news()).toEqual(['192.0.2.2 1']);
    jest.advanceTimersByTime(1_000);
    expect(news()).toEqual(['192.0.2.1 11']);
  });

  it('lets all wait while too many come to nothing in all', () => {
    for (let host = 1; host <= 100; host++) {
      join(`192.0.2.${host}`, 1);
      leave(`192.0.2.${host}`, 1);
    }
    expect(news()).toHaveLength(100);
    join('192.0.2.101', 1);
    expect(news()).toEqual([]);
    jest.advanceTimersByTime(100);
    expect(news()).toEqual(['192.0.2.101 1']);
  });

  it('costs those nothing who prove themselves', () => {
    for (let port = 1; port <= 50; port++) {
      join('192.0.2.1', port);
      prove('192.0.2.1', port);
      leave('192.0.2.1', port);
    }
    expect(news()).toHaveLength(50);
  });

  it('is closed to newcomers where it is full, of one network or in all', () => {
    start({ handshakes: 1 });
    for (let port = 1; port <= 11; port++) expect(join('192.0.2.1', port)).toBe(true);
    expect(join('192.0.2.1', 12)).toBe(false);
    // It is half full now: the others may have one each.
    for (let host = 2; host <= 11; host++) {
      expect(join(`192.0.2.${host}`, 1)).toBe(true);
      expect(join(`192.0.2.${host}`, 2)).toBe(false);
    }
    expect(join('192.0.2.12', 1)).toBe(false);
    prove('192.0.2.1', 1);
    expect(join('192.0.2.12', 1)).toBe(true);
  });

  it('turns away who has waited too long, and not who has begun', () => {
    start({ unproven: 1 });
    for (let port = 1; port <= 3; port++) join('192.0.2.1', port);
    jest.advanceTimersByTime(20_000);
    join('192.0.2.1', 4);
    jest.advanceTimersByTime(9_999);
    expect(givenUp).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(givenUp).toEqual(['192.0.2.1 2', '192.0.2.1 3']);
    jest.advanceTimersByTime(20_000);
    expect(givenUp).toEqual(['192.0.2.1 2', '192.0.2.1 3', '192.0.2.1 4']);
    expect(news()).toEqual(['192.0.2.1 1']);
  });

  it('forgets a network of which there is nobody, but not at once what has failed', () => {
    join('192.0.2.1', 1);
    leave('192.0.2.1', 1);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(1_000);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('two in line with one name, of whom the first has gone unseen', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('both have their turn, take a place each, and leave it', () => {
    const line = new WaitingLine(
      { ...limits, handshakesPerAddress: 1, unprovenPerAddress: 1 },
      { isBusy: false },
    );
    const begun: string[] = [];
    const join = (who: string, port: number) =>
      line.join({
        ...{ address: '192.0.2.1', name: nameOf('192.0.2.1', port) },
        begin: () => begun.push(who),
        giveUp: () => begun.push(`${who} gave up`),
      });
    const leaveFirst = join('first', 1);
    const leaveGone = join('gone', 2);
    const leaveBack = join('back', 2);
    leaveFirst?.();
    expect(begun).toEqual(['first', 'gone']);
    leaveGone?.();
    expect(begun).toEqual(['first', 'gone', 'back']);
    leaveBack?.();
    join('next', 3);
    expect(begun.at(-1)).toBe('next');
    line.prove(nameOf('192.0.2.1', 3));
    jest.advanceTimersByTime(60_000);
    expect(begun).toHaveLength(4);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('the one that is back is the one that is proven', () => {
    const line = new WaitingLine({ ...limits, unprovenPerAddress: 2 }, { isBusy: false });
    const begun: string[] = [];
    const join = (who: string, port: number) =>
      line.join({
        ...{ address: '192.0.2.1', name: nameOf('192.0.2.1', port) },
        begin: () => begun.push(who),
        giveUp: () => {},
      });
    const leaveGone = join('gone', 1);
    join('back', 1);
    join('next', 2);
    line.prove(nameOf('192.0.2.1', 1));
    expect(begun).toEqual(['gone', 'back', 'next']);
    join('last', 3);
    expect(begun).not.toContain('last');
    leaveGone?.();
    expect(begun).toContain('last');
  });
});
