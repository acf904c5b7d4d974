/** What the demo does as an operator, over the same API that the operator's commands use. */
import { Agent, request } from 'undici';
import type { GroupView } from '../../core/api/groups.ts';
import type { IssuerView } from '../../core/api/issuers.ts';
import type { TokenCreated, TokenRequest } from '../../core/api/tokens.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { ProfileDocument } from '../../core/pki/profile.ts';

export interface OperatorOptions {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

export class Operator {
  readonly #url: string;
  readonly #authorization: string;
  readonly #agent: Agent;

  constructor({ url, ca, token }: OperatorOptions) {
    this.#url = url;
    this.#authorization = `Bearer ${token}`;
    this.#agent = new Agent({ connect: { ca } });
  }

  createToken(terms: TokenRequest): Promise<TokenCreated> {
    return this.#call('POST', 'tokens', terms) as Promise<TokenCreated>;
  }

  async revokeToken(id: string): Promise<void> {
    await this.#call('DELETE', `tokens/${id}`);
  }

  async revoke(device: DeviceId): Promise<void> {
    await this.#call('POST', `devices/${device}/revoke`, { reason: 'keyCompromise' });
  }

  async suspend(device: DeviceId): Promise<void> {
    await this.#call('POST', `devices/${device}/suspend`);
  }

  async resume(device: DeviceId): Promise<void> {
    await this.#call('POST', `devices/${device}/resume`);
  }

  async applyProfile(profile: ProfileDocument): Promise<void> {
    await this.#call('PUT', `profiles/${profile.name}`, profile);
  }

  async applyGroup(
    name: string,
    group: Pick<GroupView, 'description'> & { profile: string; policy: string },
  ) {
    await this.#call('PUT', `groups/${name}`, group);
  }

  async issuers(): Promise<readonly IssuerView[]> {
    const { items } = (await this.#call('GET', 'issuers')) as { items: readonly IssuerView[] };
    return items;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** @returns the body, in the form that core/api/ gives it: this demo started the server it asks */
  async #call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const response = await request(`${this.#url}/api/v1/${path}`, {
      dispatcher: this.#agent,
      method,
      headers: {
        authorization: this.#authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.body.text();
    if (response.statusCode >= 300) throw new Error(`${method} ${path}: ${response.statusCode} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}
