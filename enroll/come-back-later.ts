/** A refusal that time alone lifts: with the wait that goes into Retry-After. */
import { type ErrorCode, GatehouseError } from '../core/errors.ts';

export class ComeBackLater extends GatehouseError {
  /** Seconds. */
  readonly retryAfter: number;

  constructor(code: ErrorCode, detail: string, retryAfter: number) {
    super(code, detail);
    this.retryAfter = retryAfter;
  }
}
