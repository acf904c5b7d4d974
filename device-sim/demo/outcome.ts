/**
 * What happened, in the few words the table uses: `admitted`, `granted` and so on where the server let it pass,
 * else the code of the rule that refused it.
 */
import { asFailure, type Failure } from '../contract/failure.ts';
import type { Session } from '../contract/mqtt-session.ts';
import type { LogEvent } from './operator-log.ts';
import type { Stage } from './stage.ts';

/** A connection is tried, and ended again where it came about. */
export async function admission(stage: Stage, connect: () => Promise<Session>): Promise<string> {
  return brokerOutcome(stage, 'connection refused', 'admitted', async () => (await connect()).end());
}

export function subscription(stage: Stage, session: Session, filter: string): Promise<string> {
  return brokerOutcome(stage, 'denied', 'granted', () => session.subscribe(filter));
}

/** MQTT 3.1.1 cannot refuse a PUBLISH: the broker ends the connection. */
export function publication(stage: Stage, session: Session, topic: string, payload: string): Promise<string> {
  return brokerOutcome(stage, 'denied', 'acknowledged', () => session.publish(topic, payload));
}

/** Whether a live session ends within `milliseconds`, and by which rule. */
export async function ending(
  stage: Stage,
  session: Session,
  milliseconds: number,
  act: () => Promise<unknown>,
): Promise<string> {
  const mark = stage.log.end;
  await act();
  if (!(await within(milliseconds, session.closed))) return 'still connected';
  return `cut off by ${(await stage.log.ruleAfter(mark, 'session cut off')) ?? 'no rule'}`;
}

/** What enrollment answers is the code itself. */
export async function enrollment(attempt: Promise<unknown>): Promise<string> {
  const failure = await failureOf(attempt);
  return failure === undefined ? 'issued' : failure.code;
}

/** The broker's answer tells that it refused; why, its log tells. */
async function brokerOutcome(
  { log }: Stage,
  event: LogEvent,
  ifDone: string,
  attempt: () => Promise<unknown>,
): Promise<string> {
  const mark = log.end;
  const failure = await failureOf(attempt());
  if (failure === undefined) return ifDone;
  return (await log.ruleAfter(mark, event)) ?? `${failure.code}, no reason in the log`;
}

async function failureOf(attempt: Promise<unknown>): Promise<Failure | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    return asFailure(error);
  }
}

/** Whether `event` comes within `milliseconds`. */
export async function within(milliseconds: number, event: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([event.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
