/**
 * Tests that need a program which is not an npm package. Where it is missing the test is skipped and says so,
 * except in CI, where nothing may be skipped.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from '@jest/globals';

export function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** `describe`, for as long as every one of `programs` is installed. */
export function describeWith(programs: readonly string[], name: string, body: () => void): void {
  const missing = programs.filter((program) => !hasProgram(program));
  if (missing.length === 0) describe(name, body);
  else if (process.env.CI === 'true') throw new Error(`CI needs ${missing.join(', ')} for: ${name}`);
  else describe.skip(`${name} (skipped: ${missing.join(', ')} not installed)`, body);
}
