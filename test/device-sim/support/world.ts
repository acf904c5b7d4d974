/** A real Gatehouse in this process, both roles on one data folder, and what an operator sees of its devices. */

import { startBroker } from '../../../broker/service.ts';
import type { CertificateView } from '../../../core/api/certificates.ts';
import type { DeviceDetail } from '../../../core/api/devices.ts';
import type { Clock } from '../../../core/clock.ts';
import { parseDeviceId } from '../../../core/ids.ts';
import { createEnrollClient } from '../../../device-sim/contract/enroll-client.ts';
import { openSession, type Session } from '../../../device-sim/contract/mqtt-session.ts';
import { enrollIdentity } from '../../../device-sim/identity/enroll-identity.ts';
import type { Identity } from '../../../device-sim/identity/identity.ts';
import { type IdentityStorage, memoryStorage } from '../../../device-sim/identity/identity-storage.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { createLogger } from '../../../runtime/log.ts';
import { Closers } from '../../../runtime/shutdown.ts';
import { runTestEnroll, startTestEnroll, type TestEnroll } from '../../support/enroll-service.ts';

export class World {
  readonly mqttUrl: string;
  readonly #clock: Clock;
  readonly #closers: Closers;
  #service: TestEnroll;

  private constructor(service: TestEnroll, mqttUrl: string, closers: Closers, clock: Clock) {
    this.#service = service;
    this.mqttUrl = mqttUrl;
    this.#closers = closers;
    this.#clock = clock;
  }

  /** @param clock of both roles */
  static async start(folder: string, clock: Clock = systemClock): Promise<World> {
    const service = await startTestEnroll(folder, {}, clock);
    const closers = new Closers();
    const { mqttUrl } = await startBroker({
      settings: { ...service.settings, mqttPort: 0, metricsPort: 0 },
      log: createLogger('broker', { level: 'silent', format: 'json' }),
      closers,
      onFatal: (error) => {
        throw error;
      },
      clock,
    });
    return new World(service, mqttUrl, closers, clock);
  }

  /** Changes when enroll was started anew. */
  get enrollUrl(): string {
    return this.#service.enrollUrl;
  }

  get ca(): string {
    return this.#service.ca;
  }

  get operator(): TestEnroll['operator'] {
    return this.#service.operator.bind(this.#service);
  }

  stopEnroll(): Promise<void> {
    return this.#service.close();
  }

  async startEnroll(): Promise<void> {
    const { settings, layout } = this.#service;
    this.#service = await runTestEnroll(settings, layout, this.#clock);
  }

  async enroll(id: string, storage: IdentityStorage = memoryStorage(), group = 'devices'): Promise<Identity> {
    const { token } = await this.#service.createToken({ device: id, group });
    const client = createEnrollClient({ url: this.enrollUrl, ca: this.ca });
    try {
      return await enrollIdentity({
        storage,
        requestedId: parseDeviceId(id),
        keyType: 'ec-p256',
        enroll: async (csr) => (await client.enroll(token, csr)).enrollment,
      });
    } finally {
      await client.close();
    }
  }

  connect(identity: Identity): Promise<Session> {
    const { deviceId: clientId } = identity;
    return openSession({ url: this.mqttUrl, ca: this.ca, credentials: identity, clientId });
  }

  /** Newest first. */
  async certificates(id: string): Promise<readonly CertificateView[]> {
    const { body } = await this.operator<DeviceDetail>('GET', `/devices/${id}`);
    return body.certificates;
  }

  /** Those that stand. */
  async active(id: string): Promise<readonly CertificateView[]> {
    return (await this.certificates(id)).filter(({ status }) => status === 'active');
  }

  async close(): Promise<void> {
    await this.#closers.closeAll(createLogger('broker', { level: 'silent', format: 'json' }));
    await this.#service.close();
  }
}
