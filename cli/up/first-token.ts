/** A token for the first devices, so that whoever tries Gatehouse can go on at once. */
import type { TokenCreated, TokenRequest } from '../../core/api.ts';
import { findServer } from '../connection.ts';
import { failuresOf } from '../failure.ts';
import { OperatorClient } from '../operator-client.ts';

export const firstTokenTerms = { group: 'devices', maxUses: 100, expiresIn: 86_400 } satisfies TokenRequest;

export interface FirstToken {
  readonly token: string | null;
  /** Why there is none. */
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
      await api.close();
    }
  } catch (error) {
    return {
      token: null,
      failure: failuresOf(error)
        .map(({ detail }) => detail)
        .join('; '),
    };
  }
}
