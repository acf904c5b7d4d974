/** Devices that enroll at a Gatehouse that runs as processes of its own. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import type { EnrollResponse, Problem } from '../../core/api.ts';
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
      const retryAfter = headers['retry-after'];
      return {
        status: statusCode,
        retryAfter: retryAfter === undefined ? undefined : String(retryAfter),
        body: (await body.json()) as EnrollResponse & Problem,
      };
    },
    close: () => dispatcher.close(),
  };
}
