/**
 * The thread that talks to the token. Calls of PKCS #11 block, and one to a network HSM that is gone may block for
 * minutes: here they hold up nobody but those who want a signature.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { GatehouseError } from '../../../core/errors.ts';
import type { Answered, Asked, TokenAddress } from './request.ts';
import { Token } from './token.ts';

const token = new Token(workerData as TokenAddress);

parentPort?.on('message', ({ id, request }: Asked) => {
  const answer = (answered: Answered) => parentPort?.postMessage(answered);
  token
    .perform(request)
    .then(
      (value) => answer({ id, value }),
      (error: Error) => answer({ id, failure: failureOf(error) }),
    )
    .finally(() => {
      if (request.operation === 'close') parentPort?.close();
    });
});

function failureOf(error: Error) {
  return error instanceof GatehouseError
    ? { code: error.code, detail: error.message }
    : ({ code: 'pkcs11_failed', detail: error.message } as const);
}
