/** The commands and files that a document shows, so that tests can run them as its reader would. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export interface Block {
  /** The heading of level 2 that it stands under; empty before the first. */
  readonly section: string;
  /** `sh` for commands. */
  readonly language: string;
  /** What follows the language: the name of the file that it is, or `operator`. Empty for most. */
  readonly name: string;
  readonly text: string;
}

const HEADING_OR_BLOCK = /^## (.+)$|^```([a-z]*)(?: (\S+))?\n([\s\S]*?)^```$/gm;

/** In their order. @param document its path in the repository */
export function blocksOf(document: string): readonly Block[] {
  const text = readFileSync(resolve(import.meta.dirname, '../..', document), 'utf8');
  const blocks: Block[] = [];
  let section = '';
  for (const [, heading, language, name = '', body = ''] of text.matchAll(HEADING_OR_BLOCK)) {
    if (heading !== undefined) section = heading;
    else if (language !== undefined) blocks.push({ section, language, name, text: body });
  }
  return blocks;
}
