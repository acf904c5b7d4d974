/** How a WebSocket begins: what its handshake asks, who may, and the certificate that it meets. */
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import type { BrokerLimits } from '../../broker/limits.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { attempt, RawClient } from './raw-client.ts';
import { ask, httpsTo, MQTT, RawWebSocket, tlsOf, UPGRADE } from './raw-web-socket.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterAll(() => fleet.close());

async function startFleet(limits: Partial<BrokerLimits> = {}): Promise<Fleet> {
  const started = await Fleet.create({ limits, start: false });
  await started.startBroker({ wssPort: 0 });
  return started;
}

describe('the handshake', () => {
  it('answers with the subprotocol mqtt, among others that are offered, and never compresses', async () => {
    const identity = await fleet.enroll('shake-1');
    const webSocket = new WebSocket(fleet.wssUrl, ['mqttv3.1', 'mqtt'], tlsOf(fleet, identity));
    await once(webSocket, 'open');
    expect([webSocket.protocol, webSocket.extensions]).toEqual(['mqtt', '']);
    webSocket.terminate();
  });

  it.each([
    ['without the subprotocol [MQTT-6.0.0-3]', 400, { headers: UPGRADE }],
    ['with another subprotocol', 400, { headers: { ...UPGRADE, 'Sec-WebSocket-Protocol': 'mqttx, chat' } }],
    ['for another path', 404, { headers: MQTT, path: '/' }],
    ['for no WebSocket', 426, {}],
    ['by POST', 426, { method: 'POST' }],
    ['of another version', 400, { headers: { ...MQTT, 'Sec-WebSocket-Version': '7' } }],
    ['without a key', 400, { headers: { ...MQTT, 'Sec-WebSocket-Key': '' } }],
    ['from a web page of another origin', 403, { headers: { ...MQTT, Origin: 'https://evil.example' } }],
    ['from no origin that can be told', 403, { headers: { ...MQTT, Origin: 'null' } }],
    ['with headers without end', 400, { headers: { ...MQTT, 'X-Long': 'x'.repeat(9_000) } }],
  ] as const)('is refused %s', async (_, wanted, options) => {
    const identity = await fleet.enroll(`shake-${Math.random().toString(36).slice(2)}`);
    const before = await fleet.refusals('websocket_refused');
    const [status, text] = await ask(fleet, identity, options);
    expect([status, text]).toEqual([wanted, expect.stringMatching(/^websocket_refused: /)]);
    expect(await fleet.refusals('websocket_refused')).toBe(before + 1);
  });

  it('is open to a web page of the broker’s own name', async () => {
    const client = await RawWebSocket.open(fleet, await fleet.enroll('shake-2'), {
      origin: 'https://localhost',
    });
    client.webSocket.terminate();
  });

  it('is no place for who shows no certificate, or a revoked one: HTTP is not even read', async () => {
    const [status, text] = await ask(fleet, null, { headers: { 'X-Long': 'x'.repeat(9_000) } });
    expect([status, text]).toEqual([403, expect.stringMatching(/^certificate_missing: /)]);
  });

  it('has its time', async () => {
    const brief = await startFleet({ admissionTime: 300 });
    const asked = httpsTo(brief, await brief.enroll('shake-3'));
    asked.on('error', () => {});
    const [socket] = (await once(asked, 'socket')) as [TLSSocket];
    await once(socket, 'secureConnect');
    socket.write('GET /mqtt HTTP/1.1\r\nHost: loc');
    await once(socket, 'close');
    expect(await brief.refusals('connect_timeout')).toBe(1);
    await brief.close();
  });

  it('names its protocol in ALPN, and MQTT without a WebSocket is not understood', async () => {
    const identity = await fleet.enroll('shake-4');
    const port = Number(new URL(fleet.wssUrl).port);
    await expect(attempt(fleet, identity, 'shake-4', { port, ALPNProtocols: ['mqtt'] })).rejects.toThrow();
    const client = await RawClient.open(fleet, identity, { port, ALPNProtocols: ['http/1.1'] });
    expect(client.socket.alpnProtocol).toBe('http/1.1');
    client.socket.destroy();
  });
});

describe('reloads', () => {
  it('reach this listener too, and drop nobody', async () => {
    const client = await fleet.connectByWebSocket(await fleet.enroll('reload-1'));
    const renewed = await fleet.renewServerCertificate();
    await eventually(async () => {
      const asked = httpsTo(fleet, null);
      asked.on('error', () => {}).end();
      const [socket] = (await once(asked, 'socket')) as [TLSSocket];
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      asked.destroy();
      return BigInt(`0x${serialNumber}`) === BigInt(`0x${renewed.serialNumber}`);
    });
    await client.publishAsync('devices/reload-1/telemetry', 'still here', { qos: 1 });
    await client.endAsync();
  });
});
