/**
 * Payloads that outlive their packet. The parser hands out slices of whatever TLS record the bytes came in: to keep
 * ten bytes of one would keep all 16 KiB of it, and no cap would hold.
 */

/** A copy of the payload in memory of its own, which is as large as the payload and no larger. */
export function ownPayload(payload: Buffer | string): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload);
  const own = Buffer.alloc(payload.length); // not from Node's pool, of which a slice would keep the whole as well
  own.set(payload);
  return own;
}
