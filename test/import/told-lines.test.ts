/** A line of an import, as /api/openapi.json tells of it and as it is taken. */
import { describe, expect, it } from '@jest/globals';
import { parseDeviceEntry } from '../../core/enrollment/device-entry.ts';
import { deviceLine } from '../../enroll/routes/imports.ts';

describe('a line of an import', () => {
  it.each([
    [{ id: 'a', group: 'b' }, true],
    [{ id: 'a', group: 'b', attributes: { site: 'x' } }, true],
    [{ id: 'a' }, false],
    [{ id: 'a', group: 'b', more: 1 }, false],
    [{ id: 'a', group: 'b', attributes: { Site: 'x' } }, false],
    [{ id: 'a', group: 'b', attributes: { site: 'x'.repeat(129) } }, false],
  ])('%j is told of as it is taken', (line, taken) => {
    const take = () => parseDeviceEntry(line);
    if (taken) expect(take()).toMatchObject(line);
    else expect(take).toThrow();
    expect(deviceLine.safeParse(line).success).toBe(taken);
  });
});
