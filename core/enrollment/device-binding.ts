/**
 * Which device IDs an enrollment token allows: exactly one, those that fit a pattern in which `*` stands for
 * any run of characters, or any. The CN of a certificate comes from here, never simply from the CSR.
 */
import { GatehouseError } from '../errors.ts';
import { type DeviceId, isDeviceId, quote } from '../ids.ts';

const PATTERN = /^[A-Za-z0-9*][A-Za-z0-9._:*-]{0,63}$/;

/** `null` allows any ID; a text without `*` exactly that one. @throws GatehouseError `device_pattern_invalid` */
export function parseDeviceBinding(text: string): string {
  if (!PATTERN.test(text)) {
    throw new GatehouseError(
      'device_pattern_invalid',
      `${quote(text)} is neither a device ID nor a pattern of one`,
    );
  }
  return text;
}

/** Whether the operator named this one device, rather than a set of them. */
export function isExactBinding(binding: string | null): binding is DeviceId {
  return binding !== null && isDeviceId(binding);
}

/**
 * The ID that a certificate is to carry.
 * @param commonName the CN of the CSR, null where it has none: then an exact binding supplies it
 * @throws GatehouseError `cn_invalid` (not a device ID), `cn_not_allowed` (not one the token is bound to)
 */
export function boundDeviceId(binding: string | null, commonName: string | null): DeviceId {
  if (commonName === null) {
    if (isExactBinding(binding)) return binding;
    throw new GatehouseError('cn_invalid', 'the request has no CN, and the token does not name one device');
  }
  if (!isDeviceId(commonName)) {
    throw new GatehouseError('cn_invalid', `the CN ${quote(commonName)} is not a device ID`);
  }
  if (binding !== null && !fits(binding, commonName)) {
    throw new GatehouseError('cn_not_allowed', `the token is not for ${quote(commonName)}`);
  }
  return commonName;
}

/** Greedy matching of a pattern with `*`, linear in practice and without a regular expression to blow up. */
function fits(pattern: string, id: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return pattern === id;
  if (!id.startsWith(first) || !id.endsWith(last) || id.length < first.length + last.length) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = id.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= id.length - last.length;
}
