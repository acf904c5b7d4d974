/** Devices that enroll at a Gatehouse that runs as processes of its own. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import type { Problem } from '../../core/api/problem.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { csrPem } from '../support/enroll-service.ts';
import type { Ready } from '../support/gatehouse.ts';

export interface Enrolled {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: EnrollResponse & Problem;
}

export interface FleetClient {
  enroll(csr: string): Promise<Enrolled>;
  /** EST's simpleenroll (RFC 7030 §4.2), of the same request. */
  enrollByEst(
    csr: string,
  ): Promise<{ readonly status: number; readonly retryAfter: string | undefined; readonly text: string }>;
  close(): Promise<void>;
}

export const newCsr = async (commonName: string): Promise<string> =>
  csrPem({ commonName, privateKey: await generatePrivateKey() });

export function fleetClient({ enrollUrl, caFile, token }: Ready): FleetClient {
  const dispatcher = new Agent({ connect: { ca: readFileSync(caFile, 'utf8') } });
  return {
    async enroll(csr) {
      const { statusCode, headers, body } = await request(`${enrollUrl}/v1/enroll`, {
        method: 'POST',
        dispatcher,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ csr }),
      });
      return {
        status: statusCode,
        retryAfter: headers['retry-after']?.toString(),
        body: (await body.json()) as EnrollResponse & Problem,
      };
    },
    async enrollByEst(csr) {
      const { statusCode, headers, body } = await request(`${enrollUrl}/.well-known/est/simpleenroll`, {
        method: 'POST',
        dispatcher,
        headers: {
          'content-type': 'application/pkcs10',
          authorization: `Basic ${Buffer.from(`device:${token}`).toString('base64')}`,
        },
        body: csr,
      });
      const retryAfter = headers['retry-after']?.toString();
      return { status: statusCode, retryAfter, text: await body.text() };
    },
    close: () => dispatcher.close(),
  };
}
