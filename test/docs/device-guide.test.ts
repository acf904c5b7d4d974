/** The device guide's own commands, one after another in one shell, against a running Gatehouse. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { TokenCreated } from '../../core/api/tokens.ts';
import { blocksOf } from '../support/document.ts';
import { describeWith } from '../support/external.ts';
import { executable, startGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const commands = blocksOf('docs/device-guide.md')
  .filter(({ language }) => language === 'sh')
  .map(({ text }) => text);

describeWith(
  ['bash', 'openssl', 'curl', 'pki', 'mosquitto_pub', 'mosquitto_sub'],
  'docs/device-guide.md',
  () => {
    const folder = temporaryFolder();
    let gatehouse: TestGatehouse;
    beforeAll(async () => {
      gatehouse = await startGatehouse(join(folder, 'data'));
    });
    afterAll(() => gatehouse?.stop());

    it('leads a device from its key to a command received', async () => {
      expect(commands.length).toBeGreaterThanOrEqual(9);
      const { token } = await gatehouse.json<TokenCreated>('token', 'create', '--device', 'thermostat-17');
      const { hostname, port } = new URL(gatehouse.mqttUrl);
      const script = [
        'set -euo pipefail',
        `gatehouse() { "${process.execPath}" "${executable}" "$@" --data "${gatehouse.data}"; }`,
        ...commands,
      ].join('\n');
      const environment = {
        ...process.env,
        ENROLL_URL: gatehouse.enrollUrl,
        MQTT_HOST: hostname,
        MQTT_PORT: port,
        TOKEN: token,
      };
      const { code, output } = await new Promise<{ code: number | null; output: string }>((done) => {
        const child = execFile(
          'bash',
          ['--norc', '-c', script],
          { cwd: folder, env: environment },
          (_error, stdout, stderr) => done({ code: child.exitCode, output: stdout + stderr }),
        );
      });
      expect([code, output]).toEqual([0, expect.stringContaining('chain.pem: OK')]);
      expect(output).toContain('{"target": 22}');
    });
  },
);
