/** What init writes into gatehouse.yaml, and what it leaves alone there. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { keepSettings } from '../../enroll/kept-settings.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { readSettings } from '../../runtime/settings.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let count = 0;
const inToken = { signer: 'pkcs11', pkcs11Token: 'gate', pkcs11PinFile: 'secrets/pin' };

async function kept(given: Record<string, string>, keepHostname: boolean, yaml?: string) {
  const data = join(folder, `data-${count++}`);
  const layout = dataLayout(data);
  mkdirSync(data);
  const settings = readSettings({ data, hostname: 'gate.test', ...given }, {});
  if (yaml !== undefined) writeFileSync(layout.settings, yaml);
  await keepSettings(layout, settings, keepHostname);
  return existsSync(layout.settings) ? readFileSync(layout.settings, 'utf8') : undefined;
}

describe('gatehouse.yaml, after init', () => {
  it('is not there where nothing was chosen for good', async () => {
    expect(await kept({}, false)).toBeUndefined();
  });

  it('holds the names that were chosen', async () => {
    expect(parse((await kept({}, true)) ?? '')).toEqual({ hostname: ['gate.test'] });
  });

  it('holds where the keys are, by paths that are right from everywhere', async () => {
    expect(parse((await kept({ ...inToken, pkcs11Module: './m.so' }, false)) ?? '')).toEqual({
      signer: 'pkcs11',
      pkcs11Module: resolve('m.so'),
      pkcs11Token: 'gate',
      pkcs11PinFile: resolve('secrets/pin'),
    });
  });

  it('leaves the name of a library alone, which the loader looks up', async () => {
    const text = await kept({ ...inToken, pkcs11Module: 'opensc-pkcs11.so' }, false);
    expect(parse(text ?? '')).toMatchObject({ pkcs11Module: 'opensc-pkcs11.so' });
  });

  it('keeps what an operator wrote, and says where the keys are now', async () => {
    const written = '# ours\nhostname: [a.test]\nsigner: file # for now\n';
    const text = await kept({ ...inToken, pkcs11Module: '/m.so' }, true, written);
    expect(text).toContain('# ours');
    expect(parse(text ?? '')).toMatchObject({
      hostname: ['a.test'],
      signer: 'pkcs11',
      pkcs11Module: '/m.so',
    });
    expect(await kept({}, true, written)).toBe(written);
  });
});
