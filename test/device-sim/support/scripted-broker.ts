/**
 * An MQTT broker on loopback that does what a test says: it speaks the packets, asks for a client certificate,
 * and decides nothing by itself.
 */
import { once } from 'node:events';
import { createServer, type TLSSocket } from 'node:tls';
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';
import type { Authority } from './authority.ts';

export interface BrokerConnection {
  readonly socket: TLSSocket;
  readonly connect: IConnectPacket;
  /** The CN of the client's certificate. */
  readonly commonName: string;
  /** What came after CONNECT. */
  readonly packets: Packet[];
  send(packet: Packet): void;
}

export interface ScriptedBroker {
  readonly url: string;
  readonly connections: BrokerConnection[];
  /** The CONNACK return code for a CONNECT, or undefined to close without one. */
  onConnect: (packet: IConnectPacket) => number | undefined;
  /** Whether it still has the session of this client. */
  isKnown: (packet: IConnectPacket) => boolean;
  /** What it sends in one piece with CONNACK. */
  onConnack: (packet: IConnectPacket) => readonly Packet[];
  /** The SUBACK code for a filter. */
  onSubscribe: (filter: string) => 0 | 1 | 128;
  /** Whether a PUBLISH of QoS 1 is acknowledged. */
  onPublish: (topic: string) => boolean;
  close(): void;
}

export async function startScriptedBroker(authority: Authority): Promise<ScriptedBroker> {
  const server = createServer({
    ...(await authority.serverCredentials(['localhost'])),
    ca: authority.ca,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const sockets = new Set<TLSSocket>();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  const broker: ScriptedBroker = {
    url: `mqtts://localhost:${address.port}`,
    connections: [],
    onConnect: () => 0,
    isKnown: () => false,
    onConnack: () => [],
    onSubscribe: () => 1,
    onPublish: () => true,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    serve(broker, socket);
  });
  return broker;
}

function serve(broker: ScriptedBroker, socket: TLSSocket): void {
  const packets = parser({ protocolVersion: 4 });
  const send = (packet: Packet) => void socket.write(generate(packet));
  let connection: BrokerConnection | undefined;
  packets.on('packet', (packet: Packet) => {
    if (packet.cmd === 'connect') {
      const returnCode = broker.onConnect(packet);
      if (returnCode === undefined) return socket.destroy();
      const commonName = String(socket.getPeerCertificate().subject.CN);
      connection = { socket, connect: packet, commonName, packets: [], send };
      broker.connections.push(connection);
      const connack: Packet = { cmd: 'connack', returnCode, sessionPresent: broker.isKnown(packet) };
      socket.write(Buffer.concat([connack, ...broker.onConnack(packet)].map((each) => generate(each))));
      return returnCode === 0 ? undefined : socket.end();
    }
    connection?.packets.push(packet);
    answer(broker, packet, send);
    return undefined;
  });
  socket.on('data', (bytes) => packets.parse(bytes));
}

function answer(broker: ScriptedBroker, packet: Packet, send: (packet: Packet) => void): void {
  const { messageId } = packet;
  if (packet.cmd === 'subscribe' && messageId !== undefined) {
    const granted = packet.subscriptions.map(({ topic }) => broker.onSubscribe(topic));
    send({ cmd: 'suback', messageId, granted });
  }
  if (
    packet.cmd === 'publish' &&
    packet.qos === 1 &&
    messageId !== undefined &&
    broker.onPublish(packet.topic)
  ) {
    send({ cmd: 'puback', messageId });
  }
  if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' });
}
