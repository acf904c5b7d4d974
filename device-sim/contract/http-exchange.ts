/** One request over HTTPS and its whole answer, bounded, with every error in the form of a `Failure`. */
import { type Dispatcher, request } from 'undici';
import { Failure, transportFailure } from './failure.ts';

/** Far above any real answer; what exceeds it does not come from Gatehouse. */
const MAX_BODY_BYTES = 256 * 1024;

export interface HttpRequest {
  readonly dispatcher: Dispatcher;
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly text: string;
}

/** @throws Failure where there is no answer, or one that is far too large */
export async function exchange({ url, signal, body, ...options }: HttpRequest): Promise<HttpAnswer> {
  try {
    const response = await request(url, { ...options, body: body ?? null, signal: signal ?? null });
    const text = await readBounded(response.body);
    return { status: response.statusCode, headers: response.headers, text };
  } catch (error) {
    throw transportFailure(error, url.origin);
  }
}

async function readBounded(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw misunderstood('it is far too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** An answer that Gatehouse does not give. */
export function misunderstood(what: string): Failure {
  return new Failure('enrollment_failed', `the answer of the server is not understood: ${what}`, {
    retry: 'never',
    remedy: 'Check that the address is that of a Gatehouse device listener.',
  });
}
