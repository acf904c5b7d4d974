/** A token for the first devices, so that whoever tries Gatehouse can go on at once. */
import type { TokenCreated, TokenRequest } from '../../core/api/tokens.ts';
import { lastWordsOf } from '../../runtime/command-line/last-words.ts';
import { findServer } from '../connection.ts';
import { OperatorClient } from '../operator-client.ts';

/** An hour is enough to try it with, and not long enough for a token that was left in a scrollback to matter. */
export const firstTokenTerms = { group: 'devices', maxUses: 1_000, expiresIn: 3_600 } satisfies TokenRequest;

export interface FirstToken {
  readonly token: string | null;
  /** Why there is none; null where none was asked for. */
  readonly failure: string | null;
}

/**
 * Gatehouse runs well without it, for example where the admin's token was taken off this machine: so this
 * never throws.
 */
export async function createFirstToken(data: string, url: string): Promise<FirstToken> {
  try {
    const api = new OperatorClient(findServer({ data, url }, {}));
    try {
      return { token: (await api.post<TokenCreated>('/tokens', firstTokenTerms)).token, failure: null };
    } finally {
      api.close();
    }
  } catch (error) {
    return {
      token: null,
      failure: lastWordsOf(error)
        .map(({ detail }) => detail)
        .join('; '),
    };
  }
}
