/** The parts that a fleet is measured with: bounded concurrency, phases, pace, figures and what is shown of them. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Figures } from '../../device-sim/fleet/figures.ts';
import { createLimiter } from '../../device-sim/fleet/limiter.ts';
import { Phase } from '../../device-sim/fleet/phase.ts';
import { type Progress, progressLine } from '../../device-sim/fleet/progress.ts';
import { buildReport, renderReport } from '../../device-sim/fleet/report.ts';
import { type Publisher, publishAtRate } from '../../device-sim/fleet/traffic.ts';

describe('a limiter', () => {
  it('never runs more at a time than it may, and runs all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.nat(40), async (limit, pieces) => {
        const limiter = createLimiter(limit);
        let running = 0;
        let most = 0;
        const done = await Promise.all(
          Array.from({ length: pieces }, (_, index) =>
            limiter(async () => {
              running += 1;
              most = Math.max(most, running);
              for (let turn = 0; turn <= index % 3; turn += 1) await Promise.resolve();
              running -= 1;
              return index;
            }),
          ),
        );
        expect(most).toBeLessThanOrEqual(limit);
        expect(done).toEqual(Array.from({ length: pieces }, (_, index) => index));
      }),
    );
  });

  it('goes on after a piece that failed', async () => {
    const limiter = createLimiter(1);
    await expect(limiter(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await limiter(async () => 'yes')).toBe('yes');
  });
});

describe('a phase', () => {
  it('is done when every member has settled, and counts each once', async () => {
    let now = 1_000;
    const phase = new Phase(3, () => now);
    phase.begin();
    expect(phase.active).toBe(true);
    phase.settle('a', true);
    phase.settle('a', true);
    phase.settle('b', false);
    now = 3_000;
    phase.settle('c', true);
    await phase.done;
    now = 9_000;
    expect([phase.succeeded, phase.total, phase.seconds, phase.active]).toEqual([2, 3, 2, false]);
  });

  it('does not let a member that made it drop out afterwards', () => {
    const phase = new Phase(1, () => 0);
    phase.settle('a', true);
    phase.settle('a', false);
    expect(phase.succeeded).toBe(1);
  });
});

describe('traffic', () => {
  /** Time that passes only while somebody sleeps. */
  function simulate(publishers: readonly Publisher[], rate: number, duration: number, stopAt = Infinity) {
    let now = 0;
    const stop = new AbortController();
    return publishAtRate({
      publishers,
      rate,
      duration,
      stopwatch: () => now,
      sleep: async (ms) => {
        now += ms;
        if (now >= stopAt) stop.abort();
      },
      signal: stop.signal,
    });
  }

  const counting = (changes: Partial<Publisher> = {}) => {
    const publisher = {
      online: true,
      inFlight: 0,
      sent: 0,
      publish() {
        publisher.sent += 1;
      },
      ...changes,
    };
    return publisher;
  };

  it('keeps the rate, spread evenly over the publishers', async () => {
    const publishers = [counting(), counting(), counting()];
    const traffic = await simulate(publishers, 30, 2_000);
    expect(publishers.map(({ sent }) => sent)).toEqual([20, 20, 20]);
    expect(traffic).toEqual({ elapsed: 2_000, heldBack: 0 });
  });

  it('keeps rates below one a second', async () => {
    const publisher = counting();
    await simulate([publisher], 0.5, 10_000);
    expect(publisher.sent).toBe(5);
  });

  it('passes over who is offline or has too much unacknowledged', async () => {
    const [good, offline, choked] = [counting(), counting({ online: false }), counting({ inFlight: 64 })];
    const { heldBack } = await simulate([offline, good, choked], 100, 1_000);
    expect([good.sent, offline.sent, choked.sent, heldBack]).toEqual([100, 0, 0, 0]);
  });

  it('counts what nobody could take', async () => {
    expect((await simulate([counting({ online: false })], 100, 1_000)).heldBack).toBe(100);
    expect((await simulate([], 100, 1_000)).heldBack).toBe(100);
  });

  it('ends early when asked to', async () => {
    const publisher = counting();
    const traffic = await simulate([publisher], 100, 10_000, 1_000);
    expect(traffic.elapsed).toBe(1_000);
    expect(publisher.sent).toBe(100);
  });
});

describe('latencies', () => {
  it('have no figures where nothing was acknowledged', () => {
    expect(new Figures().latency).toBeNull();
  });

  it('are percentiles of what was recorded, to three digits', () => {
    const figures = new Figures();
    for (let ms = 1; ms <= 1_000; ms += 1) figures.delivered(ms);
    const { p50, p95, p99, max } = figures.latency ?? { p50: 0, p95: 0, p99: 0, max: 0 };
    for (const [measured, exact] of [
      [p50, 500],
      [p95, 950],
      [p99, 990],
      [max, 1_000],
    ] as const) {
      expect(Math.abs(measured - exact) / exact).toBeLessThan(0.002);
    }
  });
});

describe('a report', () => {
  function report(arrange: (figures: Figures, connection: Phase) => void) {
    let now = 0;
    const stopwatch = () => now;
    const [enrollment, connection] = [new Phase(2, stopwatch), new Phase(2, stopwatch)];
    const figures = new Figures();
    for (const phase of [enrollment, connection]) {
      phase.begin();
      now += 500;
      phase.settle('a', true);
      if (phase === enrollment) phase.settle('b', true);
    }
    arrange(figures, connection);
    return buildReport({
      enrollment,
      connection,
      figures,
      traffic: { elapsed: 2_000, heldBack: 0 },
      rate: 5,
    });
  }

  it('tells what was done, how fast, and that nothing failed', () => {
    const result = report((figures, connection) => {
      connection.settle('b', true);
      figures.sent = 10;
      for (let count = 0; count < 10; count += 1) figures.delivered(2);
    });
    expect(result).toMatchObject({
      ok: true,
      devices: 2,
      enrolled: { count: 2, seconds: 0.5, perSecond: 4 },
      connected: { count: 2, seconds: 0.5, perSecond: 4 },
      messages: { sent: 10, acknowledged: 10, seconds: 2, perSecond: 5, asked: 5 },
      failures: {},
    });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(renderReport(result)).toMatch(/failures +none/);
  });

  it('is not ok where something failed, and counts it by code', () => {
    const result = report((figures, connection) => {
      connection.settle('b', true);
      figures.failed('connection_lost');
      figures.failed('connection_lost');
    });
    expect(result.ok).toBe(false);
    expect(renderReport(result)).toMatch(
      /failures +connection_lost 2\n {2}connection_lost: Connect again .+$/,
    );
  });

  it('is not ok where messages were lost, and counts them', () => {
    const result = report((figures, connection) => {
      connection.settle('b', true);
      figures.lost = 3;
    });
    expect(result).toMatchObject({ ok: false, messages: { lost: 3 }, failures: {} });
    expect(renderReport(result)).toMatch(/messages .*, 3 lost\n/);
  });

  it('is not ok where a device did not get in', () => {
    expect(report((_figures, connection) => connection.settle('b', false)).ok).toBe(false);
  });

  it('tells of renewals where there were any', () => {
    const result = report((figures, connection) => {
      connection.settle('b', true);
      figures.renewalFailed('a', 'server_unreachable');
      for (const member of ['a', 'b']) figures.renewalDone(member);
      figures.switched(20);
    });
    expect(result).toMatchObject({
      ok: true,
      renewed: {
        count: 2,
        undone: 0,
        retries: { server_unreachable: 1 },
        awayMs: { max: expect.closeTo(20, 1) },
      },
    });
    expect(renderReport(result)).toMatch(
      /renewed +2 certificates, failed attempts: server_unreachable 1\n +away +p50 20 ms/,
    );
    expect(renderReport(report(() => {}))).not.toMatch(/renewed/);
  });

  it('is not ok where a renewal is undone, and says what to do', () => {
    const result = report((figures, connection) => {
      connection.settle('b', true);
      figures.renewalFailed('a', 'server_unreachable');
    });
    expect(result).toMatchObject({ ok: false, renewed: { undone: 1 }, failures: {} });
    expect(renderReport(result)).toMatch(/1 UNDONE\n(.*\n)+ {2}server_unreachable: Check/);
  });

  it('is ok where a failed attempt was made good', () => {
    const result = report((figures, connection) => {
      connection.settle('b', true);
      figures.retried('rate_limited');
    });
    expect(result).toMatchObject({ ok: true, retries: { rate_limited: 1 } });
  });
});

describe('the progress line', () => {
  const progress = (changes: Partial<Progress> = {}): Progress => ({
    enrollment: new Phase(4, () => 0),
    connection: new Phase(4, () => 0),
    figures: new Figures(),
    trafficSeconds: () => undefined,
    duration: 10,
    ...changes,
  });

  it('shows how many have enrolled, then how many are connected', () => {
    const enrollment = new Phase(4, () => 0);
    enrollment.settle('a', true);
    expect(progressLine(progress({ enrollment }))).toBe('enrolling [====            ] 1/4');
    const connection = new Phase(4, () => 0);
    connection.begin();
    expect(progressLine(progress({ connection }))).toBe('connecting [                ] 0/4');
  });

  it('shows the traffic and its failures', () => {
    const figures = new Figures();
    for (let count = 0; count < 50; count += 1) figures.delivered(1);
    figures.failed('connection_lost');
    const line = progressLine(progress({ figures, trafficSeconds: () => 5 }));
    expect(line).toContain('[========        ] 5/10 s  50 acknowledged  10/s  1 failed');
  });

  it('shows renewals', () => {
    const figures = new Figures();
    figures.renewalDone('a');
    expect(progressLine(progress({ figures, trafficSeconds: () => 5 }))).toContain('0/s  1 renewed');
  });

  it('never overflows its bar, however late it gets', () => {
    expect(progressLine(progress({ trafficSeconds: () => 99 }))).toContain(`[${'='.repeat(16)}]`);
  });
});
