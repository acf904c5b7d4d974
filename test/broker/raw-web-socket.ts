/** WebSockets, and requests that should become some, which say exactly what they are told to. */
import { once } from 'node:events';
import { type RequestOptions, request } from 'node:https';
import { expect } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { type ClientOptions, WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import type { Fleet } from './fleet.ts';
import { connectPacket } from './raw-client.ts';

export function tlsOf(fleet: Fleet, identity: Identity | null) {
  return { ca: fleet.ca, ...(identity && { key: identity.key, cert: identity.chain }) };
}

/** A WebSocket that says exactly the frames that it is told to. */
export class RawWebSocket {
  readonly webSocket: WebSocket;
  received: Buffer = Buffer.alloc(0);
  closeCode: number | undefined;

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on('message', (data: Buffer) => {
      this.received = Buffer.concat([this.received, data]);
    });
    webSocket.on('close', (code) => {
      this.closeCode = code;
    });
    webSocket.on('error', () => {});
  }

  static async open(
    fleet: Fleet,
    identity: Identity | null,
    options: ClientOptions = {},
  ): Promise<RawWebSocket> {
    const webSocket = new WebSocket(fleet.wssUrl, ['mqtt'], { ...tlsOf(fleet, identity), ...options });
    const client = new RawWebSocket(webSocket);
    await once(webSocket, 'open');
    return client;
  }

  /** One whose session is set up. */
  static async connected(fleet: Fleet, id: string, group = 'default'): Promise<RawWebSocket> {
    const client = await RawWebSocket.open(fleet, await fleet.enroll(id, { group }));
    client.webSocket.send(generate(connectPacket(id)));
    await eventually(() => client.received.length >= 4);
    expect(client.received).toEqual(Buffer.from([0x20, 2, 0, 0]));
    return client;
  }

  async untilClosed(): Promise<number> {
    return eventually(() => this.closeCode);
  }
}

/** A connection to the listener, for what is not a WebSocket yet. */
export function httpsTo(fleet: Fleet, identity: Identity | null, options: RequestOptions = {}) {
  const url = fleet.wssUrl.replace(/^wss/, 'https');
  return request(url, { ...tlsOf(fleet, identity), agent: false, ...options });
}

/** The answer to a request that is no good: its status and body. */
export async function ask(
  fleet: Fleet,
  identity: Identity | null,
  options: RequestOptions,
): Promise<[number, string]> {
  const asked = httpsTo(fleet, identity, options);
  asked.end();
  const [response] = await once(asked, 'response');
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  return [response.statusCode, Buffer.concat(parts).toString()];
}

export const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
};
export const MQTT = { ...UPGRADE, 'Sec-WebSocket-Protocol': 'mqtt' };
