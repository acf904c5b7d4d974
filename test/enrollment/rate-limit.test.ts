/** Rates are limited by address and by token, and the answer says when to go on. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Problem } from '../../core/api/problem.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let service: TestEnroll;
afterEach(() => service.close());
const folders = [temporaryFolder(), temporaryFolder(), temporaryFolder()];

const csr = async () => csrPem({ commonName: 'one', privateKey: await generatePrivateKey() });

describe('when one', () => {
  it('address sends too much, it is told to wait', async () => {
    service = await startTestEnroll(folders[0] ?? '', { enrollRate: 3 });
    const request = await csr();
    const answers = [];
    for (let index = 0; index < 4; index++) answers.push(await service.enroll('nonsense', request));
    expect(answers.map(({ body }) => body.code)).toEqual([
      'token_unknown',
      'token_unknown',
      'token_unknown',
      'rate_limited',
    ]);
    expect(answers[3]?.status).toBe(429);
    expect(Number(answers[3]?.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('address asks for what is not there, or for the status of certificates, it is counted too', async () => {
    service = await startTestEnroll(folders[2] ?? '', { enrollRate: 3, statusRate: 3 });
    for (const url of [`${service.enrollUrl}/nothing`, `${service.statusUrl}/ocsp/AAAA`]) {
      for (let index = 0; index < 3; index++) await service.call(url);
      expect((await service.call<Problem>(url)).body.code).toBe('rate_limited');
    }
    expect((await service.operator('GET', '/devices')).status).toBe(200);
  });

  it('token is tried too often, others are not held up', async () => {
    service = await startTestEnroll(folders[1] ?? '', { tokenRate: 2 });
    const { token } = await service.createToken();
    const request = await csr();
    for (let index = 0; index < 2; index++) await service.enroll(token, request);
    const third = await service.enroll(token, request);
    expect([third.status, third.body.code]).toEqual([429, 'rate_limited']);
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    const other = await service.createToken({ device: 'two' });
    const answer = await service.enroll(
      other.token,
      await csrPem({ commonName: 'two', privateKey: await generatePrivateKey() }),
    );
    expect(answer.status).toBe(201);
  });
});
