/** One request and its answer, by Node's own client: most test files need no more, and another takes them longer to load. */
import { type IncomingHttpHeaders, request as requestPlain } from 'node:http';
import { type Agent, request as requestTls } from 'node:https';
import { text } from 'node:stream/consumers';

export interface Exchange {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
  /** Of no use over plain HTTP. */
  readonly agent: Agent;
}

export interface Exchanged {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** @throws Error where there is no whole answer */
export function exchange(url: string, { method, headers, body, agent }: Exchange): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:')
      ? requestTls(url, { method, headers, agent })
      : requestPlain(url, { method, headers });
    request.on('error', reject).on('response', (response) => {
      const answered = (whole: string) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: whole });
      text(response).then(answered, reject);
    });
    request.end(body);
  });
}
