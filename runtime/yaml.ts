/** YAML, and so JSON too, that people write in files. */
import { parse } from 'yaml';

/** One document. @throws Error whose message, for people, says what is wrong and where */
export function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    // The library's own words speak to programmers here: "please use YAML.parseAllDocuments()".
    const several = (cause as { code?: unknown }).code === 'MULTIPLE_DOCS';
    const reason = several
      ? 'it holds several documents, and one is needed'
      : (cause as Error).message.trim();
    throw new Error(reason, { cause });
  }
}
