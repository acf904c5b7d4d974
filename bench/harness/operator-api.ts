/** The operator API of the Gatehouse under measurement, over one connection that is kept. */
import { readFile } from 'node:fs/promises';
import { Pool } from 'undici';
import type { DeviceId, SerialNumber } from '../../core/ids.ts';
import type { EnrollProcess } from './gatehouse-process.ts';

export interface OperatorApi {
  /** @returns the certificates that were revoked with it */
  revoke(device: DeviceId): Promise<readonly SerialNumber[]>;
  /** What /metrics says. */
  metrics(): Promise<string>;
  close(): Promise<void>;
}

interface RevokedDevice {
  readonly certificates: readonly { readonly serialNumber: SerialNumber }[];
}

export async function openOperatorApi({ adminUrl, layout, ca }: EnrollProcess): Promise<OperatorApi> {
  const token = (await readFile(layout.operator.token, 'utf8')).trim();
  const pool = new Pool(adminUrl, { connections: 1, connect: { ca } });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const text = async (method: 'GET' | 'POST', path: string): Promise<string> => {
    const body = method === 'POST' ? '{}' : null;
    const { statusCode, body: answered } = await pool.request({ method, path, headers, body });
    const answer = await answered.text();
    if (statusCode !== 200) throw new Error(`${method} ${path} was answered ${statusCode}: ${answer}`);
    return answer;
  };
  return {
    async revoke(device) {
      const answer: RevokedDevice = JSON.parse(await text('POST', `/api/v1/devices/${device}/revoke`));
      return answer.certificates.map(({ serialNumber }) => serialNumber);
    },
    metrics: () => text('GET', '/metrics'),
    close: () => pool.close(),
  };
}
