/** An import that is cut off, or that others come in the way of: all of it or nothing, and no trace of a half. */
import { once } from 'node:events';
import type { ClientRequest } from 'node:http';
import { request as ask } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Problem } from '../../core/api/problem.ts';
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { checkDevices, writeDevices } from '../../enroll/use-cases/operating/import-devices.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { type HalfSent, halfSent } from '../support/half-sent.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { deviceOf, type ImportAnswered, imported, lastChange, linesOf, send } from './importing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
/** The same registry, without HTTP around it. */
let registry: Registry;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  registry = await openRegistry({ file: service.layout.registry.database, clock: systemClock });
});
afterAll(async () => {
  await registry.close();
  await service.close();
});

const fleet = (name: string, size: number) =>
  Array.from({ length: size }, (_, index) => ({ id: `${name}-${index}`, group: 'devices' }));
const statusOf = async (id: string) => (await service.operator<Problem>('GET', `/devices/${id}`)).status;

/** The head of an import whose body is up to the test. */
function begin(headers: Record<string, string | number>): ClientRequest {
  const asked = ask(`${service.adminUrl}/api/v1/devices/import`, {
    method: 'POST',
    ca: service.ca,
    headers: {
      authorization: `Bearer ${service.adminToken}`,
      'content-type': 'application/x-ndjson',
      ...headers,
    },
  });
  return asked.on('error', () => undefined);
}

/** An import of which the server has read some lines. */
function underWay(name: string, size: number, headers = {}): Promise<HalfSent<ImportAnswered>> {
  const first = () => {
    const asked = begin(headers);
    asked.write(linesOf(fleet(name, size)));
    return asked;
  };
  return halfSent(first, async () => {
    const answer = await send(service, '');
    return answer.status === 409 ? answer : undefined;
  });
}

/** Takes whatever comes, as soon as it may. */
async function notBusy(): Promise<void> {
  await eventually(async () => (await send(service, '', { query: 'dryRun=true' })).status === 200);
}

describe('an upload that is cut off', () => {
  it.each([
    ['before the length that was declared', { 'content-length': 1_000_000 }],
    ['within a chunked body', {}],
  ])('%s, at the end of a line, imports nothing', async (_where, headers) => {
    const head = await lastChange(service);
    const { asked } = await underWay('cut', 500, headers);
    asked.destroy();
    await notBusy();
    expect(await statusOf('cut-0')).toBe(404);
    expect(await lastChange(service)).toBe(head);
  });

  it('is in nobody else’s way, and no second one is taken meanwhile', async () => {
    const { asked, busy } = await underWay('slow', 10);
    expect(busy.body.code).toBe('import_busy');
    expect((await service.operator('POST', '/devices', { id: 'between' })).status).toBe(201);
    asked.end();
    await once(asked, 'response');
    await notBusy();
    expect(await statusOf('slow-9')).toBe(200);
  });
});

describe('a client that leaves once all is sent', () => {
  it('finds it imported when it comes back', async () => {
    const file = fleet('left', 3_000);
    const asked = begin({});
    asked.end(linesOf(file));
    await once(asked, 'response');
    asked.destroy();
    await notBusy();
    expect(await imported(service, file)).toMatchObject({ imported: 0, unchanged: 3_000 });
  });
});

describe('an import, and what happens to the same device meanwhile', () => {
  const terms = { update: false, onWritten: () => undefined };
  const context = () => ({ registry, clock: systemClock });

  async function check(values: readonly object[]) {
    async function* body() {
      yield Buffer.from(linesOf(values));
    }
    return checkDevices(context(), body(), terms);
  }

  it('between check and writing: it is refused as a whole, with the line', async () => {
    const checked = await check(fleet('raced', 400));
    await service.operator('POST', '/devices', { id: 'raced-399', attributes: { a: '1' } });
    await expect(writeDevices(context(), 'system', checked, terms)).rejects.toMatchObject({
      code: 'import_refused',
      errors: [{ line: 400, code: 'device_exists' }],
    });
    expect(await registry.device(parseDeviceId('raced-0'))).toBeUndefined();
  });

  it('between check and writing, to the same: it is unchanged', async () => {
    const checked = await check(fleet('agreed', 2));
    await service.operator('POST', '/devices', { id: 'agreed-1' });
    expect(await writeDevices(context(), 'system', checked, terms)).toMatchObject({
      imported: 1,
      unchanged: 1,
    });
  });

  it('while it is written: others are answered, and see none of it', async () => {
    const checked = await check(fleet('seen', 2_000));
    const seen: unknown[] = [];
    await writeDevices(context(), 'system', checked, {
      update: false,
      onWritten: (count) => {
        if (count === 1_000) void registry.device(parseDeviceId('seen-0')).then((found) => seen.push(found));
      },
    });
    expect(seen).toEqual([undefined]);
    expect(await registry.device(parseDeviceId('seen-0'))).toBeDefined();
  });

  it('an enrollment of the same ID: both are told the truth, whichever comes first', async () => {
    for (let round = 0; round < 10; round++) {
      const id = `race-${round}`;
      const { token } = await service.createToken({ device: id, group: 'services' });
      const csr = await csrPem({ commonName: id, privateKey: await generatePrivateKey() });
      const [enrolled, answer] = await Promise.all([
        service.enroll(token, csr),
        send(
          service,
          linesOf([
            { id: `with-${id}`, group: 'devices' },
            { id, group: 'devices' },
          ]),
        ),
      ]);
      expect(enrolled.status).toBe(201);
      const { group, certificates } = await deviceOf(service, id);
      expect(certificates).toHaveLength(1);
      const last = String(answer.body.code ?? answer.body);
      // Enrolled first, it is in the token's group, and the import names another; else it is where the import put it.
      if (last.includes('import_refused')) {
        expect([group, await statusOf(`with-${id}`)]).toEqual(['services', 404]);
      } else {
        expect([group, await statusOf(`with-${id}`)]).toEqual([parseEntityName('devices'), 200]);
      }
    }
  });
});
