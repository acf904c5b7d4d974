/** Documents that operators write in files: YAML, and so JSON too. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { GatehouseError } from '../core/errors.ts';
import { type EntityName, parseEntityName, quote } from '../core/ids.ts';
import { unreadableFile } from '../runtime/unreadable-file.ts';
import { parseYaml } from '../runtime/yaml.ts';

const STANDARD_INPUT = 0;

const schema = z.looseObject({ name: z.string() });

export interface NamedDocument {
  readonly name: EntityName;
  /** Everything beside the name, as it was written; the server knows what belongs in it. */
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * @param path `-` for standard input
 * @throws GatehouseError `file_unreadable`, `document_invalid`
 */
export function readDocument(path: string): NamedDocument {
  const text = readText(path);
  const parsed = schema.safeParse(parse(path, text));
  if (!parsed.success) throw new GatehouseError('document_invalid', `${path} holds no document with a name`);
  // `changedAt` comes with what the show commands print, and is the server's own.
  const { name, changedAt: _serversOwn, ...body } = parsed.data;
  return { name: checkName(path, name), body };
}

function readText(path: string): string {
  try {
    return readFileSync(path === '-' ? STANDARD_INPUT : path, 'utf8');
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
}

function parse(path: string, text: string): unknown {
  try {
    return parseYaml(text);
  } catch (cause) {
    throw new GatehouseError('document_invalid', `${path}: ${(cause as Error).message}`, { cause });
  }
}

function checkName(path: string, name: string): EntityName {
  try {
    return parseEntityName(name);
  } catch (cause) {
    throw new GatehouseError('document_invalid', `${path}: ${quote(name)} is not a name`, { cause });
  }
}
