/** Who is at the other end, and what counts as one peer. */
import { isIPv6, type Socket } from 'node:net';

const GROUPS = 8;
const NETWORK_GROUPS = 4;
/** How Node names an IPv4 address on a socket that takes both (RFC 4291 §2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** An IPv4 address is one whatever the socket takes besides. Undefined where the peer is gone again. */
export function addressOf({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string | undefined {
  return remoteAddress === undefined ? undefined : (MAPPED.exec(remoteAddress)?.[1] ?? remoteAddress);
}

/**
 * An IPv4 address is one peer; of IPv6 the first 64 bits are, since whoever has one address has all of these.
 * @param address as `addressOf` gives it, in the form of RFC 5952
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [before = [], after = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = Array.from({ length: Math.max(0, GROUPS - before.length - after.length) }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, NETWORK_GROUPS).join(':')}::/64`;
}
