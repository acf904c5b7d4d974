/**
 * What the operator's log says of each refusal. A device is told little (MQTT 3.1.1 has one CONNACK for nearly
 * everything); the log names the rule, and the demo holds every refusal to it: refused is not enough, it must
 * be for the right reason.
 */
import { z } from 'zod';
import { sleep } from '../device/sleep.ts';

export type LogEvent = 'connection refused' | 'denied' | 'session cut off';

const lineSchema = z.object({ rule: z.string(), msg: z.string() });
/** The line may take a moment longer than the answer on the wire. */
const DEADLINE_MS = 1_000;
const POLL_MS = 2;
/** Lines that are kept to explain why Gatehouse ended. */
const TAIL_LINES = 15;

export class OperatorLog {
  /** The last lines, whatever they are. */
  readonly tail: string[] = [];
  readonly #entries: z.output<typeof lineSchema>[] = [];

  /** @param line of JSON, as pino writes it; only those that name a rule are looked at */
  add(line: string): void {
    this.tail.push(line);
    if (this.tail.length > TAIL_LINES) this.tail.shift();
    const entry = lineSchema.safeParse(parseJson(line));
    if (entry.success) this.#entries.push(entry.data);
  }

  /** Where the log ends now. */
  get end(): number {
    return this.#entries.length;
  }

  /** The rule of the first such event after `mark`; undefined where none comes. */
  async ruleAfter(mark: number, event: LogEvent): Promise<string | undefined> {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      const entry = this.#entries.slice(mark).find(({ msg }) => msg.startsWith(event));
      if (entry !== undefined || performance.now() > deadline) return entry?.rule;
      await sleep(POLL_MS);
    }
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
