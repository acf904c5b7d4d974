/**
 * What tells the sockets of the process apart, and is the same once TLS has wrapped one: addresses and ports of both ends. The
 * peer's alone would not do, since it may come to two listeners from one port.
 */
import type { Socket } from 'node:net';

declare const brand: unique symbol;
export type SocketName = string & { readonly [brand]: 'SocketName' };

/** @param socket that is connected */
export function socketName(
  socket: Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>,
): SocketName {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}` as SocketName;
}
