/** A real enroll process's inside, with the operator's commands at hand. */
import { generateKeyPairSync } from 'node:crypto';
import { expect } from '@jest/globals';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { gatehouse, type RunOptions, type Transcript } from './transcript.ts';

export class Operated {
  readonly enroll: TestEnroll;

  constructor(enroll: TestEnroll) {
    this.enroll = enroll;
  }

  static async start(folder: string): Promise<Operated> {
    return new Operated(await startTestEnroll(folder));
  }

  /** A command on the data folder of this Gatehouse. No word of it holds a space. */
  run(command: string, options?: RunOptions): Promise<Transcript> {
    return gatehouse([...command.split(' '), '--data', this.enroll.settings.data], {}, options);
  }

  /** The same with --json, which must have worked and printed one line. */
  async json(command: string) {
    const { code, stdout, stderr } = await this.run(`${command} --json`);
    expect([code, stderr, stdout.split('\n').length]).toEqual([0, '', 2]);
    return JSON.parse(stdout);
  }

  async enrollDevices(...ids: string[]): Promise<void> {
    for (const id of ids) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const { token } = await this.enroll.createToken({ device: id });
      const { status } = await this.enroll.enroll(token, await csrPem({ commonName: id, privateKey }));
      expect(status).toBe(201);
    }
  }

  close(): Promise<void> {
    return this.enroll.close();
  }
}
