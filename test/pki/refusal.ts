/** The code of a refusal, for tests: which is what they assert, never the prose. */
import { type ErrorCode, GatehouseError } from '../../core/errors.ts';

/** The code that `attempt` was refused with, or null where it was not. Any other error is passed on. */
export function refusalOf(attempt: () => unknown): ErrorCode | null {
  try {
    attempt();
    return null;
  } catch (error) {
    if (error instanceof GatehouseError) return error.code;
    throw error;
  }
}

/** As `refusalOf`, for what answers with a promise. */
export async function rejectionOf(attempt: () => Promise<unknown>): Promise<ErrorCode | null> {
  try {
    await attempt();
    return null;
  } catch (error) {
    if (error instanceof GatehouseError) return error.code;
    throw error;
  }
}
