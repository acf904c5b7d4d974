/**
 * A revoked device stays revoked: every way to a certificate, and every call that could bring the device back, in each
 * state that an operator can put it in. Only reinstatement lifts a revocation, and it brings nothing back that was revoked.
 */
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { Problem } from '../../core/api/problem.ts';
import type { RequestView } from '../../core/api/requests.ts';
import { enrolledBy, importDevice, register } from '../enrollment/factory.ts';
import { certificateOf, enrollHolder, renewed } from '../enrollment/renewing.ts';
import { basic, callEst, csrText, type EstAnswer } from '../est/est-client.ts';
import { linesOf, send } from '../import/importing.ts';
import { type Answer, csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { type Made, makeDevice, makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY = 86_400_000;
const folder = temporaryFolder();
/** Behind while a device enrolls whose certificate is to have expired. */
const clock = { behind: 0, now: () => Date.now() - clock.behind };
let service: TestEnroll;
let factory: Made;
let ids = 0;

beforeAll(async () => {
  service = await startTestEnroll(folder, {}, clock);
  await service.operator('PUT', '/profiles/device', { validity: '90d', serverKeygen: true });
  await service.operator('PUT', '/profiles/short', { validity: '70d' });
  for (const [group, terms] of Object.entries({
    forgiving: { profile: 'short', renewalGrace: '30d' },
    gated: { profile: 'device', approval: 'required' },
  })) {
    expect((await service.operator('PUT', `/groups/${group}`, { policy: 'device', ...terms })).status).toBe(
      200,
    );
  }
  factory = await makeRoot('Acme Root');
  await register(service, 'acme', [factory]);
});
afterAll(() => service.close());

/** Brings a device of this ID into the world and returns its way, to be tried later: the code that it is refused with, or `ok`. */
type Way = (id: string) => Promise<() => Promise<string>>;

const codeIn = ({ status, body }: Answer<Partial<Problem>>) =>
  status < 300 ? 'ok' : (body.code ?? `${status}`);
const codeInText = ({ status, body }: EstAnswer) =>
  status === 200 ? 'ok' : (/^(\w+): /.exec(body)?.[1] ?? `${status}`);
const call = async (path: string, body?: object) =>
  codeIn(await service.operator<Partial<Problem>>('POST', path, body ?? {}));

async function tokenFor(id: string, maxUses = 1): Promise<string> {
  return (await service.createToken({ device: id, maxUses })).token;
}
async function enrollBy(token: string, commonName: string, privateKey: KeyObject): Promise<string> {
  return codeIn(await service.enroll(token, await csrPem({ commonName, privateKey })));
}
/** Enrolled by a token that has uses left. */
async function enrolled(id: string) {
  const [token, privateKey] = [await tokenFor(id, 5), newKey()];
  expect(await enrollBy(token, id, privateKey)).toBe('ok');
  return { token, privateKey };
}
async function enrolledByFactory(id: string) {
  const device = await makeDevice(factory, { cn: id });
  const privateKey = newKey();
  await enrolledBy(service, device, { privateKey });
  return async (key: KeyObject) =>
    codeIn(await service.enroll(null, await csrPem({ commonName: null, privateKey: key }), device));
}
const importOf = (id: string, attributes: object) =>
  send(service, linesOf([{ id, group: 'devices', attributes }]), { query: 'update=true' });

const ways: Readonly<Record<string, Way>> = {
  'the same request again': async (id) => {
    const { token, privateKey } = await enrolled(id);
    return () => enrollBy(token, id, privateKey);
  },
  'another key by the same token': async (id) => {
    const { token } = await enrolled(id);
    return () => enrollBy(token, id, newKey());
  },
  'its key by a new token': async (id) => {
    const { privateKey } = await enrolled(id);
    return async () => enrollBy(await tokenFor(id), id, privateKey);
  },
  'a new key by a new token': async (id) => {
    await enrolled(id);
    return async () => enrollBy(await tokenFor(id), id, newKey());
  },
  simpleenroll: async (id) => {
    await enrolled(id);
    return async () => {
      const body = csrText({ commonName: id, privateKey: newKey() });
      return codeInText(
        await callEst(service, { path: '/simpleenroll', body, headers: basic(id, await tokenFor(id)) }),
      );
    };
  },
  serverkeygen: async (id) => {
    await enrolled(id);
    return async () => {
      const body = csrText({ commonName: id, privateKey: newKey() });
      return codeInText(
        await callEst(service, { path: '/serverkeygen', body, headers: basic(id, await tokenFor(id)) }),
      );
    };
  },
  'its factory certificate, for its key': async (id) => {
    const privateKey = newKey();
    const device = await makeDevice(factory, { cn: id });
    await enrolledBy(service, device, { privateKey });
    return async () =>
      codeIn(await service.enroll(null, await csrPem({ commonName: null, privateKey }), device));
  },
  'its factory certificate, for a new key': async (id) => {
    const ask = await enrolledByFactory(id);
    return () => ask(newKey());
  },
  renewal: async (id) => {
    const holder = await enrollHolder(service, id);
    return async () =>
      codeIn(await service.renew(holder, await csrPem({ commonName: id, privateKey: newKey() })));
  },
  'renewal by an unused successor': async (id) => {
    const holder = await renewed(service, await enrollHolder(service, id), { privateKey: newKey() });
    return async () =>
      codeIn(await service.renew(holder, await csrPem({ commonName: id, privateKey: newKey() })));
  },
  'renewal in its grace': async (id) => {
    clock.behind = 80 * DAY;
    const holder = await enrollHolder(service, id, { group: 'forgiving' });
    clock.behind = 0;
    return async () =>
      codeIn(await service.renew(holder, await csrPem({ commonName: id, privateKey: newKey() })));
  },
  simplereenroll: async (id) => {
    const { key, cert, privateKey } = await enrollHolder(service, id);
    return async () => {
      const body = csrText({ commonName: id, privateKey });
      return codeInText(await callEst(service, { path: '/simplereenroll', body, tls: { key, cert } }));
    };
  },
  'a request that was approved before': async (id) => {
    await importDevice(service, id, { group: 'gated' });
    const { token } = await service.createToken({ device: id, group: 'gated' });
    const privateKey = newKey();
    const request = await csrPem({ commonName: id, privateKey });
    expect((await service.enroll(token, request)).status).toBe(202);
    const { body } = await service.operator<{ items: RequestView[] }>('GET', '/requests?limit=1000');
    const filed = body.items.find(({ device }) => device === id);
    expect(await call(`/requests/${filed?.id}/approve`)).toBe('ok');
    return async () => codeIn(await service.enroll(token, request));
  },
  'an import that changes it': async (id) => {
    await importDevice(service, id);
    return async () => {
      const answer = await importOf(id, { site: 'north' });
      return answer.status === 200 ? 'ok' : (answer.body.errors[0]?.code ?? '');
    };
  },
  'device create': async (id) => {
    await importDevice(service, id);
    return () => call('/devices', { id });
  },
  'device release': async (id) => {
    await enrolled(id);
    return () => call(`/devices/${id}/release`);
  },
  'device suspend': async (id) => {
    await enrolled(id);
    return () => call(`/devices/${id}/suspend`);
  },
  'device resume': async (id) => {
    await enrolled(id);
    return () => call(`/devices/${id}/resume`);
  },
};

const [REVOKED, SUSPENDED, GONE] = ['device_revoked', 'device_suspended', 'certificate_revoked'];

describe('a device that', () => {
  it.each([
    // way                                    is suspended  is revoked  is reinstated  was compromised, is reinstated
    ['the same request again', SUSPENDED, REVOKED, GONE, GONE],
    ['another key by the same token', SUSPENDED, REVOKED, 'ok', 'ok'],
    ['its key by a new token', SUSPENDED, REVOKED, 'ok', 'key_compromised'],
    ['a new key by a new token', SUSPENDED, REVOKED, 'ok', 'ok'],
    ['simpleenroll', SUSPENDED, REVOKED, 'ok', 'ok'],
    ['serverkeygen', SUSPENDED, REVOKED, 'ok', 'ok'],
    ['its factory certificate, for its key', SUSPENDED, REVOKED, 'ok', 'key_compromised'],
    ['its factory certificate, for a new key', SUSPENDED, REVOKED, 'ok', 'ok'],
    ['renewal', SUSPENDED, REVOKED, GONE, GONE],
    ['renewal by an unused successor', SUSPENDED, REVOKED, GONE, GONE],
    ['renewal in its grace', SUSPENDED, REVOKED, GONE, GONE],
    ['simplereenroll', SUSPENDED, REVOKED, GONE, GONE],
    ['a request that was approved before', SUSPENDED, REVOKED, 'ok', 'ok'],
    ['an import that changes it', 'ok', REVOKED, 'ok', 'ok'],
    ['device create', 'ok', REVOKED, 'ok', 'ok'],
    ['device release', 'ok', REVOKED, 'ok', 'ok'],
    ['device suspend', 'ok', REVOKED, 'ok', 'ok'],
    ['device resume', 'ok', REVOKED, 'ok', 'ok'],
  ])('%s: suspended %s, revoked %s, reinstated %s, after a compromise %s', async (name, ...codes) => {
    const [suspended, revoked, reinstated, compromised] = codes;
    const way = ways[name];
    if (way === undefined) throw new Error(name);
    const afterwards = async (...calls: readonly [string, object?][]) => {
      const id = `unit-${++ids}`;
      const attempt = await way(id);
      for (const [action, body] of calls) expect(await call(`/devices/${id}/${action}`, body)).toBe('ok');
      return attempt();
    };
    expect(await afterwards(['suspend'])).toBe(suspended);
    expect(await afterwards(['revoke'])).toBe(revoked);
    expect(await afterwards(['suspend'], ['revoke'])).toBe(revoked);
    expect(await afterwards(['revoke'], ['reinstate'])).toBe(reinstated);
    expect(await afterwards(['revoke', { reason: 'keyCompromise' }], ['reinstate'])).toBe(compromised);
  });
});

describe('an import that finds a revoked device as it was', () => {
  it('leaves it revoked, and can be repeated', async () => {
    await importDevice(service, 'as-it-was');
    await call('/devices/as-it-was/revoke');
    const answer = await importOf('as-it-was', {});
    expect([answer.status, String(answer.body)]).toEqual([200, expect.stringContaining('"unchanged":1')]);
    expect(await statusOfDevice('as-it-was')).toBe('revoked');
  });
});

describe('reinstatement', () => {
  it('brings no certificate back, and can be repeated', async () => {
    const holder = await enrollHolder(service, 'back');
    await call('/devices/back/revoke');
    expect(await call('/devices/back/reinstate')).toBe('ok');
    expect(await call('/devices/back/reinstate')).toBe('ok');
    expect(await statusOfDevice('back')).toBe('active');
    expect((await certificateOf(service, holder)).status).toBe('revoked');
    const { body } = await service.operator<{ items: { event: { action: string } }[] }>(
      'GET',
      '/journal?limit=10000',
    );
    expect(body.items.filter(({ event }) => event.action === 'device.reinstated').length).toBeGreaterThan(0);
  });

  it('lets no token take the ID that does not name it', async () => {
    await enrollHolder(service, 'taken');
    await call('/devices/taken/revoke');
    await call('/devices/taken/reinstate');
    expect(await enrollBy((await service.createToken()).token, 'taken', newKey())).toBe(
      'device_already_enrolled',
    );
  });

  it('lets a factory certificate count only where the device had enrolled by one', async () => {
    await enrolled('by-token');
    await call('/devices/by-token/revoke');
    await call('/devices/by-token/reinstate');
    const imposter = await makeDevice(factory, { cn: 'by-token' });
    const answer = await service.enroll(
      null,
      await csrPem({ commonName: null, privateKey: newKey() }),
      imposter,
    );
    expect(codeIn(answer)).toBe('factory_identity_spent');
  });

  it('is nothing for a device that is suspended or unknown, nor for an operator who may revoke', async () => {
    await enrolled('barred');
    await call('/devices/barred/suspend');
    expect(await call('/devices/barred/reinstate')).toBe('device_suspended');
    expect(await call('/devices/nobody/reinstate')).toBe('device_unknown');
    const { body } = await service.operator<{ token: string }>('POST', '/operators', {
      name: 'night-shift',
      role: 'operator',
    });
    await call('/devices/barred/revoke');
    const refused = await service.operator<Problem>('POST', '/devices/barred/reinstate', {}, body.token);
    expect(codeIn(refused)).toBe('operator_role_insufficient');
    expect(await statusOfDevice('barred')).toBe('revoked');
  });

  it('makes no compromised key good for anybody', async () => {
    const { privateKey } = await enrolled('leaky');
    await call('/devices/leaky/revoke', { reason: 'keyCompromise' });
    for (const id of ['leaky', 'heir']) {
      await call(`/devices/${id}/reinstate`);
      expect(await enrollBy(await tokenFor(id), id, privateKey)).toBe('key_compromised');
    }
  });
});

async function statusOfDevice(id: string): Promise<string> {
  return (await service.operator<DeviceDetail>('GET', `/devices/${id}`)).body.status;
}
