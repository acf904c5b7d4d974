/** A rollover killed between any two steps: nothing is stuck, and the next attempt goes through. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { CaRotation, IssuerView } from '../../core/api/issuers.ts';
import { enrollHolder } from '../enrollment/renewing.ts';
import { callEst } from '../est/est-client.ts';
import { runTestEnroll, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CHILD = join(import.meta.dirname, 'child', 'die-while-rolling-over.mjs');
const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(() => service.close());
// Each CA that stays makes the next start slower: its key has to be opened.
afterEach(async () => {
  const retiring = (await issuers()).filter(
    ({ kind, status }) => kind === 'issuing' && status === 'retiring',
  );
  for (const issuer of retiring) expect(await retire(issuer)).toBe(200);
});

/** Stops the service, lets another process be killed at its work, and starts again. */
async function killedAt(step: string, ...command: string[]): Promise<void> {
  const { settings, layout, statusUrl } = service;
  await service.close();
  const child = spawn(process.execPath, [CHILD, settings.data, statusUrl, step, ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const [, signal] = await once(child, 'close');
  expect([signal, errors]).toEqual(['SIGKILL', '']);
  service = await runTestEnroll(settings, layout);
}

async function issuers(): Promise<readonly IssuerView[]> {
  return (await service.operator<{ items: IssuerView[] }>('GET', '/issuers')).body.items;
}
const active = async (kind: IssuerView['kind']) =>
  (await issuers()).find((one) => one.kind === kind && one.status === 'active');

/** Certificates come from the active CA, listeners serve under it, and whoever trusts any root in use can tell. */
async function expectSound(): Promise<void> {
  const holder = await enrollHolder(service, `device-${Math.random().toString(36).slice(2)}`);
  const issuing = await active('issuing');
  expect(holder.chain.startsWith(issuing?.pem ?? 'none')).toBe(true);
  expect(readFileSync(service.layout.tls.broker, 'utf8').endsWith(holder.chain)).toBe(true);
  const roots = (await issuers()).filter(({ kind, status }) => kind === 'root' && status !== 'retired');
  expect(readFileSync(service.layout.rootCertificate, 'utf8')).toBe(roots.map(({ pem }) => pem).join(''));
  for (const { pem } of roots) await eventually(() => isTrustedBy(pem));
  const crl = await service.call(`${service.statusUrl}/crl/${issuing?.fingerprint}.crl`);
  expect(crl.status).toBe(200);
}

/** Listeners take a second to notice that their file has changed. */
async function isTrustedBy(ca: string): Promise<boolean> {
  try {
    return (await callEst(service, { path: '/cacerts', tls: { ca } })).status === 200;
  } catch {
    return false;
  }
}

async function rotate(root: boolean): Promise<CaRotation> {
  const { status, body } = await service.operator<CaRotation>('POST', '/issuers/rotate', { root });
  expect(status).toBe(201);
  return body;
}

async function retire({ fingerprint }: IssuerView): Promise<number> {
  return (await service.operator('POST', `/issuers/${fingerprint}/retire`, { lockOut: 100 })).status;
}

describe.each(['rotate', 'rotate-root'])('gatehouse ca %s, killed', (command) => {
  const early = command === 'rotate' ? ['issuing key kept'] : ['root key kept', 'before commit'];
  const late = command === 'rotate' ? ['after commit'] : ['after commit', 'before the listeners'];

  it.each(early)('at "%s": nothing has happened, and it can be done again', async (step) => {
    const before = await issuers();
    await killedAt(step, command);
    expect(await issuers()).toEqual(before);
    await expectSound();
    await rotate(command === 'rotate-root');
    expect(await issuers()).toHaveLength(before.length + (command === 'rotate' ? 1 : 2));
    await expectSound();
  });

  it.each(late)('at "%s": it has happened, and the start makes up for the rest', async (step) => {
    const before = await issuers();
    await killedAt(step, command);
    expect(await issuers()).toHaveLength(before.length + (command === 'rotate' ? 1 : 2));
    expect((await active('issuing'))?.fingerprint).not.toBe(
      before.find(({ kind, status }) => kind === 'issuing' && status === 'active')?.fingerprint,
    );
    await expectSound();
  });
});

describe('gatehouse ca retire, killed', () => {
  const statusOf = async ({ fingerprint }: IssuerView) =>
    (await issuers()).find((one) => one.fingerprint === fingerprint)?.status;

  it.each([
    ['before commit', 'retiring'],
    ['after commit', 'retired'],
  ])('at "%s": it is %s, and can be asked for again', async (step, status) => {
    const issuer = await active('issuing');
    if (issuer === undefined) throw new Error('none is active');
    await rotate(false);
    await killedAt(step, 'retire', issuer.fingerprint);
    expect(await statusOf(issuer)).toBe(status);
    await expectSound();
    expect([await retire(issuer), await statusOf(issuer)]).toEqual([200, 'retired']);
  });
});

describe('after many rollovers of the root', () => {
  it('who trusts the first root verifies what comes of the last', async () => {
    const roots = (await issuers()).filter(({ kind }) => kind === 'root');
    expect(roots.length).toBeGreaterThan(2);
    const [first] = roots;
    expect(await isTrustedBy(first?.pem ?? '')).toBe(true);
  });
});
