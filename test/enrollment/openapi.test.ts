/** /api/openapi.json tells of every call what it takes, answers and asks of whom; and what is answered is just so. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fastify, { type FastifyInstance } from 'fastify';
import type { IssuerView } from '../../core/api/issuers.ts';
import type { OperatorCreated } from '../../core/api/operators.ts';
import type { TokenCreated } from '../../core/api/tokens.ts';
import { type Answer, csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { enrollHolder } from './renewing.ts';

const NDJSON = 'application/x-ndjson';
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;
type Method = Uppercase<(typeof methods)[number]>;

interface Operation {
  readonly 'x-role': 'viewer' | 'operator' | 'admin';
  readonly description: string;
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, object>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Partial<Record<(typeof methods)[number], Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const folder = temporaryFolder();
let service: TestEnroll;
let judge: FastifyInstance;
let document: Document;
let operations: ReadonlyMap<string, Operation>;
const answered = new Set<string>();

beforeAll(async () => {
  service = await startTestEnroll(folder);
  const { body } = await service.call<Document>(`${service.adminUrl}/api/openapi.json`);
  expect(body.openapi).toBe('3.1.0');
  document = body;
  operations = new Map(
    Object.entries(body.paths).flatMap(([path, all]) =>
      methods.flatMap((method): [string, Operation][] => {
        const operation = all[method];
        return operation === undefined ? [] : [[`${method.toUpperCase()} ${path}`, operation]];
      }),
    ),
  );
  // Another engine than the one that the schemas are written for, and as strict as it can be.
  judge = fastify({
    bodyLimit: 4 * 1024 * 1024,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, strict: false } },
  });
  judge.post('/', async (request, reply) => {
    const { schema, value } = request.body as { schema: object; value: unknown };
    const validate = request.compileValidationSchema(schema);
    return reply.send(validate(value) ? [] : (validate.errors ?? ['invalid']));
  });
});
afterAll(async () => {
  await judge.close();
  await service.close();
});

/** What is wrong with it. */
async function judged(schema: object | undefined, value: unknown): Promise<unknown> {
  // What it refers to is found where the whole document has it.
  const payload = { schema: { ...schema, components: document.components }, value };
  return JSON.parse((await judge.inject({ method: 'POST', url: '/', payload })).body);
}

async function expectValid(schema: object | undefined, value: unknown, what: string): Promise<void> {
  expect([what, typeof schema]).toEqual([what, 'object']);
  expect([what, await judged(schema, value)]).toEqual([what, []]);
}

/** Makes a call that must succeed, and holds its answer to what is told of it. @param path with its `{names}` filled by `ids` */
async function ask<Body>(
  method: Method,
  path: string,
  ids: Readonly<Record<string, string>> = {},
  { body, lines, query = '' }: { body?: object; lines?: readonly object[]; query?: string } = {},
): Promise<Body> {
  const key = `${method} /api/v1${path}`;
  const operation = operations.get(key);
  const address = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(ids[name] ?? ''),
  );
  const answer = await service.call<Body>(`${service.adminUrl}/api/v1${address}${query}`, {
    method,
    headers: {
      authorization: `Bearer ${service.adminToken}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(lines !== undefined && { 'content-type': NDJSON }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(lines !== undefined && { body: lines.map((line) => `${JSON.stringify(line)}\n`).join('') }),
  });
  const told = operation?.responses[answer.status];
  expect([key, answer.status, told === undefined]).toEqual([key, answer.status, false]);
  await expectTold(key, answer, told?.content);
  answered.add(key);
  return answer.body;
}

async function expectTold(
  key: string,
  { status, headers, body }: Answer<unknown>,
  content: Operation['responses'][string]['content'] = {},
): Promise<void> {
  if (status === 204) return expect([key, body, content]).toEqual([key, '', {}]);
  const type = String(headers['content-type']).split(';')[0] ?? '';
  const schema = content[type]?.schema;
  const values =
    type === NDJSON
      ? String(body)
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line))
      : [body];
  for (const value of values) await expectValid(schema, value, key);
}

describe('every answer', () => {
  it('is of the form that is told of it', async () => {
    const holder = await enrollHolder(service, 'press-1');
    const { serialNumber } = await enrollHolder(service, 'press-2');
    await ask('PUT', '/policies/{name}', { name: 'p' }, { body: { publish: ['a/#'], subscribe: [] } });
    await ask('PUT', '/profiles/{name}', { name: 'r' }, { body: { validity: '90d' } });
    const gated = { profile: 'r', policy: 'p', renewalGrace: '30d', approval: 'required' };
    await ask('PUT', '/groups/{name}', { name: 'g' }, { body: gated });
    for (const path of ['/groups', '/policies', '/profiles']) await ask('GET', path);
    await ask('GET', '/policies/{name}', { name: 'p' });
    await ask('GET', '/profiles/{name}', { name: 'r' });
    await ask('POST', '/policies/test', {}, { body: { device: 'press-1', publish: 'a' } });
    await ask('POST', '/policies/dry-run', {}, { body: { document: { name: 'p', deny: ['a/#'] } } });
    const other = { name: 'g', profile: 'r', policy: 'device' };
    await ask('POST', '/groups/dry-run', {}, { body: other });
    await ask('POST', '/profiles/test', {}, { body: { document: { name: 'r', validity: '90d' } } });

    const { token, id: tokenId } = await ask<TokenCreated>(
      'POST',
      '/tokens',
      {},
      { body: { group: 'g', maxUses: 2 } },
    );
    for (const commonName of ['asks-1', 'asks-2']) {
      expect((await service.enroll(token, await csrPem({ commonName, privateKey: newKey() }))).status).toBe(
        202,
      );
    }
    const { items } = await ask<{ items: { id: number }[] }>('GET', '/requests');
    const [first, second] = items.map(({ id }) => String(id));
    await ask('GET', '/requests/{id}', { id: first ?? '' });
    await ask('POST', '/requests/{id}/approve', { id: first ?? '' });
    await ask('POST', '/requests/{id}/deny', { id: second ?? '' }, { body: { reason: 'no' } });
    await ask('GET', '/tokens');
    await ask('DELETE', '/tokens/{id}', { id: tokenId });

    await ask('POST', '/devices', {}, { body: { id: 'made', attributes: { site: 'north' } } });
    await ask('PATCH', '/devices/{id}', { id: 'made' }, { body: { group: 'g' } });
    await ask('GET', '/devices');
    for (const path of ['/devices/{id}', '/devices/{id}/refusals', '/devices/{id}/explanation']) {
      await ask('GET', path, { id: 'press-1' });
    }
    await ask('GET', '/devices/{id}/explanation', { id: 'nobody' });
    for (const kind of ['suspend', 'resume', 'release', 'revoke', 'reinstate']) {
      await ask('POST', `/devices/{id}/${kind}`, { id: 'press-1' });
      for (const query of ['?dryRun=true', '']) {
        await ask('POST', `/devices/${kind}`, {}, { lines: [{ id: 'press-2' }], query });
      }
      if (['suspend', 'resume', 'revoke'].includes(kind)) {
        await ask('POST', `/groups/{name}/${kind}`, { name: 'g' }, { body: { atMost: 9 } });
        await ask('POST', `/groups/{name}/${kind}`, { name: 'g' }, { body: { dryRun: true } });
      }
    }
    await ask('POST', '/devices/import', {}, { lines: [{ id: 'listed', group: 'devices' }] });

    await ask('GET', '/certificates');
    await ask('GET', '/certificates/{serialNumber}', { serialNumber });
    await ask('POST', '/certificates/{serialNumber}/revoke', { serialNumber });
    await ask('POST', '/certificates/revoke', {}, { lines: [{ serialNumber: holder.serialNumber }] });
    const [raise, dry] = ['?reason=keyCompromise&atMost=9', '&dryRun=true'];
    await ask('POST', '/certificates/revoke', {}, { lines: [{ serialNumber }], query: raise + dry });
    await ask('POST', '/devices/revoke', {}, { lines: [{ id: 'press-2' }], query: raise + dry });

    const fingerprint = 'ab'.repeat(32);
    await ask('POST', '/blocked-keys', {}, { body: { fingerprint, note: 'leaked' } });
    await ask('POST', '/blocked-keys/import', {}, { lines: [{ fingerprint: 'cd'.repeat(32) }] });
    await ask('GET', '/blocked-keys');
    await ask('DELETE', '/blocked-keys/{fingerprint}', { fingerprint });

    const root = await makeRoot('Acme Root');
    await ask(
      'PUT',
      '/manufacturers/{name}',
      { name: 'acme' },
      { body: { certificates: root.certificate.pem } },
    );
    await ask('GET', '/manufacturers');
    await ask('GET', '/manufacturers/{name}', { name: 'acme' });
    await ask('DELETE', '/manufacturers/{name}', { name: 'acme' });

    await ask<OperatorCreated>('POST', '/operators', {}, { body: { name: 'clerk', role: 'viewer' } });
    await ask('GET', '/operators');
    await ask('DELETE', '/operators/{name}', { name: 'clerk' });

    const cas = await ask<{ items: IssuerView[] }>('GET', '/issuers');
    const issuing = cas.items.find(({ kind }) => kind === 'issuing')?.fingerprint ?? '';
    await ask('POST', '/issuers/rotate');
    await ask('GET', '/issuers/status');
    await ask('GET', '/issuers/{fingerprint}/dependents', { fingerprint: issuing });
    const whole = { body: { atMost: 99, reason: 'cACompromise' } };
    await ask('POST', '/issuers/{fingerprint}/revoke-certificates', { fingerprint: issuing }, whole);
    await ask('POST', '/issuers/{fingerprint}/retire', { fingerprint: issuing }, { body: { lockOut: 99 } });

    await ask('POST', '/housekeeping/run');
    await ask('GET', '/housekeeping');
    await ask('GET', '/journal');
    await ask('GET', '/journal/archives');
    expect([...operations.keys()].filter((key) => !answered.has(key))).toEqual([]);
  });
});

describe('every call', () => {
  it('is told of with its role, which is the one that is asked for', async () => {
    const tokens = new Map<string, string>();
    for (const role of ['viewer', 'operator'] as const) {
      const { body } = await service.operator<OperatorCreated>('POST', '/operators', {
        name: `a-${role}`,
        role,
      });
      tokens.set(role, body.token);
    }
    const rank = ['viewer', 'operator', 'admin'];
    for (const [key, operation] of operations) {
      const [method = '', path = ''] = key.split(' ');
      const role = operation['x-role'];
      expect(operation.description).toContain(role);
      for (const [mine, token] of tokens) {
        // What is asked for is nothing that is there: who may ask is told that, and who may not, this.
        const { status, body } = await service.call<{ code?: string }>(
          `${service.adminUrl}${path.replaceAll(/\{\w+\}/g, '~')}`,
          { method: method as Method, headers: { authorization: `Bearer ${token}` } },
        );
        const refused = status === 403 && body.code === 'operator_role_insufficient';
        expect([key, mine, refused]).toEqual([key, mine, rank.indexOf(mine) < rank.indexOf(role)]);
      }
    }
  });

  it('is told of with how it is refused, and refused so', async () => {
    for (const { responses } of operations.values()) {
      expect(Object.keys(responses.default?.content ?? {})).toEqual(['application/problem+json']);
    }
    const schema = operations.get('POST /api/v1/devices/revoke')?.responses.default?.content;
    const { body } = await service.call(`${service.adminUrl}/api/v1/devices/revoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.adminToken}`, 'content-type': NDJSON },
      body: '{"id":"nosuch"}\nno JSON\n',
    });
    expect(body).toMatchObject({ code: 'list_refused', errorCount: 2 });
    await expectValid(schema?.['application/problem+json']?.schema, body, 'a list that is refused');
  });

  it('that takes a list tells of its lines; one whose body may be left out says so', () => {
    const body = (key: string) => operations.get(key)?.requestBody;
    expect(body('POST /api/v1/devices/revoke')).toMatchObject({
      required: true,
      content: { [NDJSON]: { schema: { required: ['id'] } } },
    });
    expect(body('POST /api/v1/devices/{id}/revoke')?.required).toBe(false);
    expect(body('POST /api/v1/operators')?.required).toBe(true);
  });
});

describe('every form', () => {
  it('is looked up where an answer refers to it', async () => {
    const key = 'GET /api/v1/devices/{id}';
    const schema = operations.get(key)?.responses['200']?.content?.['application/json']?.schema;
    expect(schema).toEqual({ $ref: '#/components/schemas/DeviceDetail' });
    const { body } = await service.operator<object>('GET', '/devices/press-1');
    expect(await judged(schema, body)).toEqual([]);
    expect(await judged(schema, { ...body, certificates: [{ serialNumber: '01' }] })).not.toEqual([]);
  });

  it('is told of once, and referred to', () => {
    const told: string[] = [];
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      if ('properties' in value && Object.keys(Object(value.properties)).length > 2) {
        told.push(JSON.stringify(Object(value.properties)));
      }
      for (const one of Object.values(value)) look(one);
    };
    for (const { responses } of operations.values()) look(responses);
    look(document.components);
    expect(told.filter((one, index) => told.indexOf(one) !== index)).toEqual([]);
    const all = JSON.stringify(document);
    const referred = [...all.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    expect(new Set(referred)).toEqual(new Set(Object.keys(document.components.schemas)));
    expect(all.match(/"\$ref"/g)).toHaveLength(referred.length);
  });
});
