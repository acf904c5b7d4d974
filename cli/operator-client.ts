/** The operator API over HTTPS: calls with a deadline, and refusals as errors that carry the server's own words. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Page } from '../core/api/page.ts';
import { GatehouseError } from '../core/errors.ts';
import { LineCutter } from '../core/lines.ts';
import { describeConnectionError } from '../runtime/command-line/connection-error.ts';
import { type LastWords, ReportedError } from '../runtime/command-line/last-words.ts';
import type { ServerAddress } from './connection.ts';
import { HttpsTransport, type Outgoing } from './https-transport.ts';

/** As many items as every list gives at once. */
const PAGE_SIZE = 1_000;

/** Of one line of an answer that comes line by line. */
const MAX_LINE_BYTES = 1024 * 1024;

export type Query = Readonly<Record<string, string | number | undefined>>;

/** JSON lines, and their length in bytes. */
export interface Lines {
  readonly chunks: Iterable<Uint8Array>;
  readonly length: number;
}

/** Devices are numbered on by their ID, journal rows by their seq. */
type AnyPage<Item> = Omit<Page<Item>, 'next'> & { readonly next: string | number | null };

/** Answers are read as core/api/ declares them: the server that gives them has proven who it is. */
export class OperatorClient {
  readonly #server: ServerAddress;
  readonly #transport: HttpsTransport;

  constructor(server: ServerAddress) {
    this.#server = server;
    this.#transport = new HttpsTransport(server.ca);
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

  close(): void {
    this.#transport.close();
  }

  /** POSTs JSON lines, or an object, and gives the lines of the answer, parsed, as they come. @throws as every call */
  async *exchange<Line>(
    path: string,
    body: Lines | { json: object },
    query: Query = {},
  ): AsyncGenerator<Line> {
    const content =
      'json' in body
        ? jsonOf(body.json)
        : {
            headers: { 'content-type': 'application/x-ndjson', 'content-length': String(body.length) },
            body: Readable.from(body.chunks, { highWaterMark: 1 }),
          };
    try {
      const response = await this.#send('POST', path, query, content);
      const { statusCode = 0 } = response;
      if (statusCode !== 200) this.#read(statusCode, await textOf(response));
      const cutter = new LineCutter({ maxBytes: MAX_LINE_BYTES });
      for await (const chunk of response as AsyncIterable<Buffer>) {
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
    method: Outgoing['method'],
    path: string,
    { query = {}, body }: { query?: Query; body?: object },
  ): Promise<T> {
    try {
      const content = body === undefined ? { headers: {}, body: null } : jsonOf(body);
      const response = await this.#send(method, path, query, content);
      return this.#read<T>(response.statusCode ?? 0, await textOf(response));
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #send(
    method: Outgoing['method'],
    path: string,
    query: Query,
    { headers, body }: Pick<Outgoing, 'headers' | 'body'>,
  ): Promise<IncomingMessage> {
    const url = new URL(`/api/v1${path}`, this.#server.url);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const authorization = `Bearer ${this.#server.token}`;
    return this.#transport.send({ method, url, headers: { authorization, ...headers }, body });
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
    const problem = isProblem(answer) ? answer : undefined;
    // Gatehouse's other listeners answer so too: every path that commands ask for is one of the operator API.
    if (status === 404 && (problem === undefined || problem.code === 'not_found')) {
      throw new GatehouseError('not_gatehouse', `${origin} is not the operator listener of a Gatehouse`);
    }
    if (problem !== undefined) throw new ReportedError(problem);
    throw new GatehouseError(
      'not_gatehouse',
      `${origin} answers with status ${status}, but not as Gatehouse does`,
    );
  }
}

function jsonOf(value: object): Pick<Outgoing, 'headers' | 'body'> {
  const body = JSON.stringify(value);
  const length = String(Buffer.byteLength(body));
  return { headers: { 'content-type': 'application/json', 'content-length': length }, body };
}

async function textOf(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Whether it holds what of RFC 9457 a command tells. */
function isProblem(answer: unknown): answer is LastWords {
  if (!hasTexts(answer, 'code', 'detail', 'remedy')) return false;
  const { errors = [], errorCount = 0 } = answer;
  return (
    typeof errorCount === 'number' &&
    Array.isArray(errors) &&
    errors.every((one) => hasTexts(one, 'code', 'detail') && typeof one.line === 'number')
  );
}

function hasTexts(value: unknown, ...names: readonly string[]): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return names.every((name) => typeof fields[name] === 'string');
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
