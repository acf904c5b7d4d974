/** The live display of a running fleet: one line that redraws itself on a terminal, a line now and then elsewhere. */
import type { Output } from '../../runtime/command-line/output.ts';
import type { Figures } from './figures.ts';
import type { Phase } from './phase.ts';

const REDRAW_MS = 200;
const PLAIN_LINE_MS = 3_000;
const BAR_WIDTH = 16;

export interface Progress {
  readonly enrollment: Phase;
  readonly connection: Phase;
  readonly figures: Figures;
  /** Seconds of traffic so far, undefined before it began. */
  readonly trafficSeconds: () => number | undefined;
  /** Seconds of traffic asked for. */
  readonly duration: number;
}

/** Begins to show it. @returns the function that ends it and leaves the last state standing */
export function showProgress(output: Output, progress: Progress): () => void {
  const draw = output.terminal
    ? // Carriage return, the line, and "erase to the end" for what was longer before.
      () => output.write(`\r${progressLine(progress).slice(0, output.columns - 1)}\x1b[K`)
    : () => output.say(progressLine(progress));
  const timer = setInterval(draw, output.terminal ? REDRAW_MS : PLAIN_LINE_MS);
  return () => {
    clearInterval(timer);
    draw();
    if (output.terminal) output.write('\n');
  };
}

export function progressLine({
  enrollment,
  connection,
  figures,
  trafficSeconds,
  duration,
}: Progress): string {
  const elapsed = trafficSeconds();
  if (elapsed === undefined) {
    const [name, phase] = connection.active ? ['connecting', connection] : ['enrolling', enrollment];
    return `${name} ${bar(phase.succeeded / phase.total)} ${phase.succeeded}/${phase.total}${failed(figures)}`;
  }
  // Waiting for the last acknowledgements is not traffic.
  const seconds = Math.min(elapsed, duration);
  const { acknowledged, latency } = figures;
  const perSecond = seconds === 0 ? 0 : Math.round(acknowledged / seconds);
  const p95 = latency === null ? '' : `  p95 ${latency.p95.toFixed(1)} ms`;
  const pace = `${Math.floor(seconds)}/${duration} s  ${acknowledged} acknowledged  ${perSecond}/s`;
  const renewed = figures.renewed === 0 ? '' : `  ${figures.renewed} renewed`;
  return `publishing ${bar(seconds / duration)} ${pace}${renewed}${failed(figures)}${p95}`;
}

/** Nothing where nothing has. */
function failed({ failures }: Figures): string {
  const total = [...failures.values()].reduce((sum, count) => sum + count, 0);
  return total === 0 ? '' : `  ${total} failed`;
}

function bar(share: number): string {
  const filled = Math.round(Math.min(Math.max(share, 0), 1) * BAR_WIDTH);
  return `[${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}]`;
}
