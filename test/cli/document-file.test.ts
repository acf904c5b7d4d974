/** Files with documents in them: YAML or JSON, with a name. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readDocument } from '../../cli/document-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let count = 0;
function file(content: string): string {
  count += 1;
  const path = join(folder, `${count}.yaml`);
  writeFileSync(path, content);
  return path;
}

describe('when a document is read', () => {
  it('takes YAML apart into name and body', () => {
    expect(readDocument(file('name: device\npublish: ["a/{id}"]\n'))).toEqual({
      name: 'device',
      body: { publish: ['a/{id}'] },
    });
  });

  it("takes JSON as the show commands print it, without the server's own changedAt", () => {
    const path = file('{"name":"device","deny":[],"changedAt":"2030-01-01T00:00:00.000Z"}');
    expect(readDocument(path)).toEqual({ name: 'device', body: { deny: [] } });
  });

  it('keeps what it does not know: the server judges it', () => {
    expect(readDocument(file('name: device\nsubscrib: []'))).toEqual({
      name: 'device',
      body: { subscrib: [] },
    });
  });

  it.each([
    ['is empty', ''],
    ['holds no name', 'publish: []'],
    ['holds a name that is no text', 'name: 7'],
    ['holds a name that is none', 'name: Device!'],
    ['holds a list', '- name: device'],
    ['holds two documents', 'name: a\n---\nname: b'],
    ['names a key twice', 'name: a\nname: b'],
    ['is not YAML', 'name: [a'],
  ])('refuses a file that %s', (_what, content) => {
    expect(() => readDocument(file(content))).toThrow(expect.objectContaining({ code: 'document_invalid' }));
  });

  it('says in plain words that one document is needed', () => {
    expect(() => readDocument(file('name: a\n---\nname: b'))).toThrow(
      /: it holds several documents, and one is needed$/,
    );
  });

  it('refuses a file that blows up aliases', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, index) => {
        const before = 'abcdefgh'[index];
        return `${name}: &${name} [${Array(10).fill(`*${before}`).join(',')}]`;
      }),
    ].join('\n');
    expect(() => readDocument(file(`name: x\n${bomb}`))).toThrow(
      expect.objectContaining({ code: 'document_invalid' }),
    );
  });

  it('refuses a path where there is no file', () => {
    expect(() => readDocument(join(folder, 'none.yaml'))).toThrow(
      expect.objectContaining({ code: 'file_unreadable' }),
    );
  });
});
