/**
 * What answers are made of. The schemas in this folder are what answers are written by and what /api/openapi.json tells of
 * them; the types in core/api/ are what programs of ours read them by. `Fields` keeps the two at the same fields, and the
 * handlers' types at the same values. Those with an `id` are told of once, among the document's components, and referred to.
 */
import { z } from 'zod';

/** A schema for each field of the type, and for no other. */
export type Fields<View> = Record<keyof View, z.ZodType>;

/** ISO 8601, in UTC. */
export const time = z.iso.datetime();
export const count = z.int().min(0);
export const deviceId = z.string().describe('the CN of its certificates');
export const name = z.string();
export const serialNumber = z.string().describe('hex, as openssl x509 -serial prints it');
export const fingerprint = z.string().describe('SHA-256, hex');
export const pem = z.string().describe('PEM');
export const strings = z.array(z.string()).readonly();
export const attributes = z.record(z.string(), z.string());

/** A page of a list; `next` is the value for `?after=` of the next one. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item).readonly(), next: z.string().nullable() });
}

/** A list that is answered whole. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item).readonly() });
}

/** Of an answer that has no body. */
export const nothing = z.undefined().describe('Done');
