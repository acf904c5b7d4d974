/** One row of what must fail: what is tried, what has to happen, and the trying. */
import { printable } from '../../../runtime/command-line/printable.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Backend } from '../backend.ts';
import type { Stage } from '../stage.ts';
import type { Row } from '../verdict.ts';

export interface AttackContext {
  readonly stage: Stage;
  /** Two devices in good standing: one that attacks with its own certificate, and one to harm. */
  readonly attacker: Identity;
  readonly victim: Identity;
  /** The service: what arrives there was published. */
  readonly backend: Backend;
}

export interface Attack {
  readonly what: string;
  readonly expected: string;
  /** @returns what happened, in the words of `expected` */
  readonly attempt: (context: AttackContext) => Promise<string>;
}

/** An attack that ends in an error of its own is a row that differs, not the end of the demo. */
export async function judge({ what, expected, attempt }: Attack, context: AttackContext): Promise<Row> {
  let happened: string;
  try {
    happened = await attempt(context);
  } catch (error) {
    happened = `failed: ${printable(error instanceof Error ? error.message : String(error))}`;
  }
  return { what, expected, happened, ok: happened === expected };
}
