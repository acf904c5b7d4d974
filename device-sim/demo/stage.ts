/** What every part of the demo works with: the running Gatehouse, the operator, and quick ways to be a device. */
import type { TokenRequest } from '../../core/api/tokens.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { createEnrollClient, type EnrollClient } from '../contract/enroll-client.ts';
import { openSession, type Session, type SessionOptions } from '../contract/mqtt-session.ts';
import { sleep } from '../device/sleep.ts';
import { buildCsr } from '../identity/csr.ts';
import { enrollIdentity } from '../identity/enroll-identity.ts';
import type { Identity } from '../identity/identity.ts';
import { type IdentityStorage, memoryStorage } from '../identity/identity-storage.ts';
import { generatePrivateKey } from '../identity/private-key.ts';
import type { Gatehouse } from './gatehouse-process.ts';
import { Operator } from './operator.ts';
import type { OperatorLog } from './operator-log.ts';

export interface EnrollOptions extends TokenRequest {
  readonly token?: string;
  /** Where the identity is kept; nowhere that lasts where absent. */
  readonly storage?: IdentityStorage;
}

export class Stage {
  readonly gatehouse: Gatehouse;
  readonly operator: Operator;
  readonly enrollClient: EnrollClient;
  readonly log: OperatorLog;
  /** Aborts when the demo is to end: nothing of it waits any longer then. */
  readonly signal: AbortSignal;
  readonly #sessions = new Set<Session>();
  #names = 0;

  constructor(gatehouse: Gatehouse, signal: AbortSignal) {
    const { adminUrl, adminToken, enrollUrl, ca } = gatehouse;
    this.gatehouse = gatehouse;
    this.log = gatehouse.log;
    this.signal = signal;
    this.operator = new Operator({ url: adminUrl, ca, token: adminToken });
    this.enrollClient = createEnrollClient({ url: enrollUrl, ca, connections: 8 });
  }

  /** A device ID that nobody has yet. */
  newId(): DeviceId {
    this.#names += 1;
    return parseDeviceId(`attack-${this.#names}`);
  }

  /** Lets milliseconds pass. */
  async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, this.signal);
    this.signal.throwIfAborted();
  }

  async token(terms: TokenRequest = {}): Promise<string> {
    return (await this.operator.createToken(terms)).token;
  }

  /** A device with a certificate of its own, from a fresh token unless one is given. */
  async enroll(id: DeviceId, options: EnrollOptions = {}): Promise<Identity> {
    const { storage = memoryStorage(), ...terms } = options;
    const { token = await this.token({ device: id, ...terms }) } = terms;
    return enrollIdentity({
      storage,
      requestedId: id,
      keyType: 'ec-p256',
      enroll: async (csr) => (await this.enrollClient.enroll(token, csr)).enrollment,
    });
  }

  /** A proper CSR for `id`, with a new key. */
  async request(id: DeviceId): Promise<string> {
    const privateKey = await generatePrivateKey();
    return encodePem('CERTIFICATE REQUEST', buildCsr({ commonName: id, privateKey }));
  }

  /** Connects as the device would, save for what `changes` says. @throws Failure */
  async connect(identity: Identity, changes: Partial<SessionOptions> = {}): Promise<Session> {
    return this.open({ credentials: identity, clientId: identity.deviceId, ...changes });
  }

  /** @throws Failure */
  async open(options: Omit<SessionOptions, 'url' | 'ca'>): Promise<Session> {
    const session = await openSession({
      url: this.gatehouse.mqttUrl,
      ca: this.gatehouse.ca,
      ...options,
    });
    this.#sessions.add(session);
    void session.closed.then(() => this.#sessions.delete(session));
    return session;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.end()));
    await Promise.all([this.operator.close(), this.enrollClient.close()]);
  }
}
