/** CRLs taken apart, by the reader that judges what strangers send. */
import {
  contextTag,
  explicitContent,
  Fields,
  readTime,
  readUnsignedInteger,
  tags,
} from '../../core/pki/der-fields.ts';
import { type DerElement, decodeDer } from '../../core/pki/der-reader.ts';
import { oids } from '../../core/pki/oids.ts';
import { extensionsOf } from '../pki/certificate-fields.ts';

export interface ReadCrl {
  readonly number: bigint;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Hex of the value, by OID. */
  readonly extensions: ReadonlyMap<string, string>;
  /** Reason by serial number; 0 where there is none. */
  readonly entries: ReadonlyMap<string, number>;
}

const LIMITS = { maxBytes: 10_000_000, maxDepth: 16 };

export function readCrl(der: Uint8Array): ReadCrl {
  return readTbsCertList(new Fields(decodeDer(der, LIMITS)).next(tags.sequence).bytes);
}

export function readTbsCertList(der: Uint8Array): ReadCrl {
  const fields = new Fields(decodeDer(der, LIMITS));
  fields.next(tags.integer);
  fields.next(tags.sequence);
  fields.next(tags.sequence);
  const [thisUpdate, nextUpdate] = [
    fields.next(tags.utcTime, tags.generalizedTime),
    fields.next(tags.utcTime),
  ];
  const entries = fields.optional(tags.sequence)?.children ?? [];
  const extensions = extensionsOf(explicitContent(fields.next(contextTag(0))));
  fields.end();
  const number = extensions.get(oids.crlNumber)?.slice(4);
  const read = entries.map(entryOf);
  const bySerial = new Map(read);
  if (bySerial.size !== read.length) throw new Error('a certificate is on the list twice');
  return {
    number: BigInt(`0x${number}`),
    thisUpdate: readTime(thisUpdate),
    nextUpdate: readTime(nextUpdate),
    extensions,
    entries: bySerial,
  };
}

function entryOf(element: DerElement): [string, number] {
  const fields = new Fields(element);
  const serial = readUnsignedInteger(fields.next(tags.integer)).toString(16).toUpperCase();
  fields.next(tags.utcTime, tags.generalizedTime);
  const extension = fields.optional(tags.sequence)?.children[0];
  fields.end();
  return [serial.padStart(32, '0'), extension?.bytes.at(-1) ?? 0];
}
