/** What the benchmark found, as it is printed with --json; and the same for people. */
import { renderTable } from '../../cli/table.ts';
import { fixed, whole } from '../harness/figures.ts';
import { describeMachine, type Machine, machineLines } from '../harness/machine.ts';
import { median } from '../harness/statistics.ts';

/** One figure of one broker, in one round. */
export interface Finding {
  readonly broker: string;
  readonly work: Work;
  readonly value: number;
}

/** What is measured, and in what. */
export const works = {
  qos0: 'QoS 0 to one subscriber, messages/s',
  qos0Cpu: '… processor time of a message, µs',
  qos0Load: '… the load had its core, %',
  qos1: 'QoS 1 to one subscriber, messages/s',
  qos1Cpu: '… processor time of a message, µs',
  qos1Load: '… the load had its core, %',
  roundTrip: 'one message at a time, p50 ms',
  roundTripP99: '… p99 ms',
  full: 'connects with a full handshake, /s',
  fullCpu: '… processor time of one, ms',
  fullLoad: '… the load had its core, %',
  resumed: 'connects with a resumed session, /s',
  resumedCpu: '… processor time of one, ms',
  idle: 'memory of an idle connection, bytes',
  queued: 'QoS 1 queued for a session that is away, messages/s',
  drained: 'given to it when it is back, messages/s',
  storm: 'all reconnect after a restart, seconds',
} as const;

export type Work = keyof typeof works;

export interface Report {
  readonly machine: Machine & { /** Null where it is not installed. */ readonly mosquitto: string | null };
  readonly rounds: number;
  readonly figures: readonly Figure[];
}

export interface Figure {
  readonly work: Work;
  /** Medians over the rounds. */
  readonly gatehouse: number;
  readonly mosquitto: number | null;
  readonly ratio: number | null;
}

export function reportOn(
  findings: readonly Finding[],
  {
    rounds,
    pinned,
    mosquitto,
  }: { readonly rounds: number; readonly pinned: boolean; readonly mosquitto: string | undefined },
): Report {
  const medianOf = (broker: string, wanted: Work) =>
    median(findings.filter((one) => one.broker === broker && one.work === wanted).map(({ value }) => value));
  const figures = (Object.keys(works) as Work[]).flatMap((work): Figure[] => {
    const gatehouse = medianOf('Gatehouse', work);
    if (Number.isNaN(gatehouse)) return [];
    const peer = medianOf('Mosquitto', work);
    return Number.isNaN(peer)
      ? [{ work, gatehouse, mosquitto: null, ratio: null }]
      : [{ work, gatehouse, mosquitto: peer, ratio: gatehouse / peer }];
  });
  return { machine: { ...describeMachine(pinned), mosquitto: mosquitto ?? null }, rounds, figures };
}

export function renderReport({ machine, rounds, figures }: Report): string {
  const { mosquitto } = machine;
  const peer = mosquitto === null ? 'Mosquitto is not installed' : `Mosquitto ${mosquitto}`;
  return [
    ...machineLines(machine, peer),
    `medians of ${rounds} rounds`,
    '',
    renderTable(
      ['', 'Gatehouse', 'Mosquitto', 'ratio'],
      figures.map(({ work, gatehouse, mosquitto: other, ratio }) => [
        works[work],
        shown(gatehouse),
        other === null ? null : shown(other),
        ratio === null ? null : fixed(ratio),
      ]),
    ),
  ].join('\n');
}

function shown(value: number): string {
  return value >= 100 ? whole(value) : fixed(value);
}
