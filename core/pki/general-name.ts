/** GeneralNames (RFC 5280 §4.2.1.6), written: of servers as they are configured, of devices as their profile says. */
import { GatehouseError } from '../errors.ts';
import { quote } from '../ids.ts';
import { type Asn1, implicitPrimitive } from './der.ts';

/** Letters, digits, hyphens, and the underscore that machines' own names have in practice. */
const DNS_NAME =
  /^(?=.{1,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
export const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$/;
const DIGITS_AND_DOTS = /^[\d.]+$/;

/** @throws GatehouseError `setting_invalid` for what is neither a DNS name nor an address */
export function generalName(hostname: string): Asn1 {
  if (IPV4.test(hostname)) return implicitPrimitive(7, Uint8Array.from(hostname.split('.').map(Number)));
  if (hostname.includes(':')) return implicitPrimitive(7, ipv6Octets(hostname));
  // 10.0.0.300 would pass for a DNS name.
  if (DIGITS_AND_DOTS.test(hostname) || !DNS_NAME.test(hostname)) throw invalid(hostname);
  return dnsName(hostname);
}

/** dNSName [2] IA5String */
export function dnsName(name: string): Asn1 {
  return implicitPrimitive(2, Buffer.from(name, 'latin1'));
}

/** uniformResourceIdentifier [6] IA5String */
export function uri(address: string): Asn1 {
  return implicitPrimitive(6, Buffer.from(address, 'latin1'));
}

/** iPAddress [7]. The URL parser knows every way to write an IPv6 address and gives the shortest, which is easy to take apart. */
function ipv6Octets(hostname: string): Uint8Array {
  if (!/^[0-9A-Fa-f:.]+$/.test(hostname) || !URL.canParse(`http://[${hostname}]/`)) throw invalid(hostname);
  const shortest = new URL(`http://[${hostname}]/`).hostname.slice(1, -1);
  const [front = [], back = []] = shortest.split('::').map((half) => half.split(':').filter(Boolean));
  const gap = Array.from({ length: 8 - front.length - back.length }, () => '0');
  const groups = [...front, ...gap, ...back].map((group) => group.padStart(4, '0'));
  return Buffer.from(groups.join(''), 'hex');
}

function invalid(hostname: string): GatehouseError {
  return new GatehouseError('setting_invalid', `${quote(hostname)} is neither a DNS name nor an IP address`);
}
