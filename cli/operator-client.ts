/** The operator API over HTTPS: calls with a deadline, and refusals as errors that carry the server's own words. */
import { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import { z } from 'zod';
import type { Page } from '../core/api.ts';
import { GatehouseError } from '../core/errors.ts';
import { LineCutter } from '../core/lines.ts';
import { describeConnectionError } from '../runtime/command-line/connection-error.ts';
import { ReportedError } from '../runtime/command-line/last-words.ts';
import type { ServerAddress } from './connection.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 30_000;

/** As many items as every list gives at once. */
const PAGE_SIZE = 1_000;

/** What of RFC 9457 a command tells. */
const problem = z.object({
  code: z.string(),
  detail: z.string(),
  remedy: z.string(),
  errors: z.array(z.object({ line: z.number(), code: z.string(), detail: z.string() })).optional(),
  errorCount: z.number().optional(),
});

/** Of one line of an answer that comes line by line. */
const MAX_LINE_BYTES = 1024 * 1024;

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Exchange {
  readonly query: Query;
  readonly body: Iterable<Uint8Array>;
  /** Of the body, in bytes. */
  readonly length: number;
}

/** Devices are numbered on by their ID, journal rows by their seq. */
type AnyPage<Item> = Omit<Page<Item>, 'next'> & { readonly next: string | number | null };

/** Answers are read as core/api.ts declares them: the server that gives them has proven who it is. */
export class OperatorClient {
  readonly #server: ServerAddress;
  readonly #agent: Agent;

  constructor(server: ServerAddress) {
    this.#server = server;
    this.#agent = new Agent({
      connect: { ...(server.ca !== undefined && { ca: server.ca }), timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
    });
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#call<T>('GET', path, { query });
  }

  post<T>(path: string, body: object = {}): Promise<T> {
    return this.#call<T>('POST', path, { body });
  }

  put<T>(path: string, body: object): Promise<T> {
    return this.#call<T>('PUT', path, { body });
  }

  patch<T>(path: string, body: object): Promise<T> {
    return this.#call<T>('PATCH', path, { body });
  }

  delete<T>(path: string): Promise<T> {
    return this.#call<T>('DELETE', path, {});
  }

  /** All items of a list, page after page. */
  async *pages<Item>(path: string, query: Query = {}): AsyncGenerator<readonly Item[]> {
    let after: string | number | undefined | null = query.after;
    while (after !== null) {
      const page: AnyPage<Item> = await this.get(path, { ...query, limit: PAGE_SIZE, after });
      yield page.items;
      after = page.next;
    }
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  /** POSTs JSON lines and gives those of the answer, parsed, as they come. @throws as every call */
  async *exchange<Line>(path: string, { query, body, length }: Exchange): AsyncGenerator<Line> {
    try {
      const response = await this.#send('POST', path, {
        query,
        headers: { 'content-type': 'application/x-ndjson', 'content-length': String(length) },
        body: Readable.from(body, { highWaterMark: 1 }),
      });
      const { statusCode } = response;
      if (statusCode !== 200) this.#read(statusCode, await response.body.text());
      const cutter = new LineCutter({ maxBytes: MAX_LINE_BYTES });
      for await (const chunk of response.body) {
        for (const line of cutter.push(chunk)) {
          yield this.#read<Line>(statusCode, 'text' in line ? line.text : '');
        }
      }
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /**
   * @throws ReportedError where the server refuses
   * @throws GatehouseError `server_unreachable`, `server_untrusted`, `not_gatehouse`
   */
  async #call<T>(
    method: Dispatcher.HttpMethod,
    path: string,
    { query = {}, body }: { query?: Query; body?: object },
  ): Promise<T> {
    try {
      const response = await this.#send(method, path, {
        query,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
      });
      return this.#read<T>(response.statusCode, await response.body.text());
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #send(
    method: Dispatcher.HttpMethod,
    path: string,
    {
      query,
      headers,
      body,
    }: { query: Query; headers: Record<string, string>; body: string | Readable | null },
  ): Promise<Dispatcher.ResponseData> {
    const url = new URL(`/api/v1${path}`, this.#server.url);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const authorization = `Bearer ${this.#server.token}`;
    return request(url, {
      dispatcher: this.#agent,
      method,
      headers: { authorization, ...headers },
      body,
    });
  }

  #explained(error: unknown): unknown {
    if (error instanceof ReportedError || error instanceof GatehouseError) return error;
    return connectionError(this.#server.url, error);
  }

  #read<T>(status: number, text: string): T {
    if (status === 204) return undefined as T;
    const answer = parseJson(text);
    if (status >= 200 && status < 300 && answer !== undefined) return answer as T;
    const { origin } = this.#server.url;
    const { success, data } = problem.safeParse(answer);
    // Gatehouse's other listeners answer so too: every path that commands ask for is one of the operator API.
    if (status === 404 && (!success || data.code === 'not_found')) {
      throw new GatehouseError('not_gatehouse', `${origin} is not the operator listener of a Gatehouse`);
    }
    if (success) throw new ReportedError(data);
    throw new GatehouseError(
      'not_gatehouse',
      `${origin} answers with status ${status}, but not as Gatehouse does`,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function connectionError({ origin }: URL, cause: unknown): GatehouseError {
  const { message, untrusted } = describeConnectionError(cause);
  const code = untrusted ? 'server_untrusted' : 'server_unreachable';
  return new GatehouseError(code, `${origin}: ${message}`, { cause });
}
