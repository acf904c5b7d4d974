/**
 * Receives a new connection and takes it, step by step, to Aedes, which sees nobody that was not admitted. Each
 * step refuses by a rule; each refusal is one line in the log, one count, and the answer that MQTT has for it.
 */
import type { Clock } from '../../core/clock.ts';
import { type ErrorCode, GatehouseError } from '../../core/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { type PeerCertificate, readPeerCertificate, verifyPeer } from '../../runtime/peer-certificate.ts';
import type { AdmissionControl } from '../admission/admission-control.ts';
import type { Standing } from '../admission/standing.ts';
import { denialOfPublish } from '../authorization/message-rules.ts';
import { checkClientId } from '../client-id.ts';
import type { BrokerLimits } from '../limits.ts';
import type { BrokerMetrics } from '../metrics.ts';
import type { FirstUses } from '../reports/first-uses.ts';
import type { Refusals } from '../reports/refusals.ts';
import { Connection, PeerGone } from '../sessions/connection.ts';
import type { CutOff } from '../sessions/cut-off.ts';
import type { DurableSessions } from '../sessions/durable-sessions.ts';
import type { LiveTable } from '../sessions/live-table.ts';
import type { MessageBroker } from '../sessions/message-broker.ts';
import type { Revocations } from '../sessions/revocations.ts';
import { takeStanding } from '../sessions/take-standing.ts';
import {
  type ConnectRequest,
  decodeConnect,
  PROTOCOL_LEVEL,
  readProtocolLevel,
  type Will,
} from './connect-packet.ts';
import type { ConnectRates } from './connect-rates.ts';
import { readConnect } from './connect-reader.ts';
import { addressOf } from './peer-address.ts';
import { connackFor, sayFarewell, untilPeerSpeaks } from './refusal.ts';
import { type SocketName, socketName } from './socket-name.ts';
import type { Transport } from './transport.ts';
import type { WaitingLine } from './waiting-line.ts';

export interface ReceptionOptions {
  readonly live: LiveTable;
  readonly durable: DurableSessions;
  readonly admission: AdmissionControl;
  readonly revocations: Pick<Revocations, 'settle'>;
  readonly firstUses: FirstUses;
  readonly refusals: Pick<Refusals, 'ofPeer'>;
  readonly broker: MessageBroker;
  readonly cutOff: CutOff;
  readonly line: WaitingLine;
  readonly rates: ConnectRates;
  readonly metrics: BrokerMetrics;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

const MAX_SHOWN = 128;

/** What is known of a peer so far, to answer it and to report on it. */
interface Visit {
  readonly transport: Transport;
  readonly address: string;
  readonly name: SocketName;
  certificate?: PeerCertificate | undefined;
  /** Undefined until CONNECT has been read. */
  protocolLevel?: number;
  clientId?: string;
  /** Where CONNECT has one. */
  willTopic?: string | undefined;
}

export class Reception {
  readonly #options: ReceptionOptions;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** @param transport after the handshake. Never rejects. */
  async receive(transport: Transport): Promise<void> {
    const { socket } = transport;
    socket.on('error', () => {}); // it is followed by 'close', which everything here goes by
    const visit: Visit = { transport, address: addressOf(socket) ?? '', name: socketName(socket) };
    try {
      await this.#admit(visit);
    } catch (error) {
      if (error instanceof PeerGone) return;
      await this.#refuse(visit, error);
    }
  }

  async #admit(visit: Visit): Promise<void> {
    // Step 1: the certificate, as far as TLS can tell. Nothing that a peer without one sends is looked at. Whether a
    // resumed one is ours, the registry knows alone, by its fingerprint.
    const { socket } = visit.transport;
    visit.certificate = readPeerCertificate(socket);
    const peer = verifyPeer(visit.certificate, { ignoreChain: socket.isSessionReused() });

    // Step 2: into the table of connections. Only then is the registry asked (steps 3 and 5): whatever it did not
    // know yet when it was asked, the journal tells afterwards, and finds the connection here.
    const tlsVersion = socket.getProtocol();
    const connection = new Connection({ socket, peer, address: visit.address, tlsVersion });
    this.#checkArrivals(connection);
    this.#options.live.add(connection);

    // Step 3: what the registry says of this certificate: nothing that a peer without standing sends is kept.
    const looking = this.#options.admission.look(peer);
    const finding = await this.#within(connection, 'registry_unavailable', looking);
    // Before it is proven: who comes too often uses up what its network may fail, and so waits in line.
    this.#options.rates.spend(connection.device);
    this.#options.line.prove(visit.name);

    // Step 4: CONNECT, within its cap and its time.
    const request = await this.#readRequest(visit, connection);

    // Step 5: what the registry says now: this counts.
    const asking = takeStanding(connection, this.#options, finding);
    const standing = await this.#within(connection, 'registry_unavailable', asking);
    // What a revocation ended since when the device has been reinstated, and the journal's reader has not come to yet.
    if (standing.revokedSeq !== null) {
      const { revocations, clock } = this.#options;
      await this.#within(connection, 'connect_timeout', revocations.settle(standing, clock.now()));
    }

    // Step 6: what CONNECT asks for, and whether it can be had.
    this.#options.durable.checkWritable();
    checkWill(request.will, standing);
    this.#checkSessionLimit(connection, request.clientId);

    // Step 7: the client id, which another session of the device may still have.
    const { live, broker, cutOff, firstUses } = this.#options;
    const takeOver = (holder: Connection) =>
      cutOff.dismiss(holder, 'session_taken_over', `by ${visit.address}`);
    await this.#within(connection, 'connect_timeout', live.claim(connection, request.clientId, takeOver));
    connection.arrival.throwIfEnded();

    // Step 8: Aedes takes over, and answers with CONNACK.
    broker.attach(connection, standing, request);
    if (standing.isFirstUse) firstUses.note(connection.peer.fingerprint);
  }

  async #readRequest(visit: Visit, connection: Connection): Promise<ConnectRequest> {
    const { connectBytes } = this.#options.limits;
    const opening = visit.transport.open(connection.arrival);
    connection.stream = await this.#within(connection, 'connect_timeout', opening);
    const { stream, arrival } = connection;
    const reading = readConnect(stream, { maxBytes: connectBytes, arrival });
    const body = await this.#within(connection, 'connect_timeout', reading);
    visit.protocolLevel = readProtocolLevel(body);
    if (visit.protocolLevel !== PROTOCOL_LEVEL) {
      throw new GatehouseError('protocol_version_unsupported', `protocol level ${visit.protocolLevel}`);
    }
    const request = decodeConnect(body);
    visit.clientId = request.clientId;
    visit.willTopic = request.will?.topic;
    checkClientId(request.clientId, connection.device);
    return request;
  }

  /** Before it is one itself. @throws GatehouseError `connection_limit` */
  #checkArrivals({ device }: Connection): void {
    const { live, limits } = this.#options;
    const arriving = live.of(device).filter(({ client }) => client === null).length;
    if (arriving < limits.sessionsPerDevice) return;
    throw new GatehouseError('connection_limit', `${arriving} connections of the device are arriving`);
  }

  #checkSessionLimit({ device }: Connection, clientId: string): void {
    const { live, durable, limits } = this.#options;
    const ids = new Set(durable.of(device));
    for (const { clientId: taken } of live.of(device)) if (taken !== null) ids.add(taken);
    if (ids.has(clientId) || ids.size < limits.sessionsPerDevice) return;
    throw new GatehouseError('session_limit', `the device has ${ids.size} sessions`);
  }

  /** Rejects by `rule` when the step takes too long, and with the arrival's reason when that ends meanwhile. */
  async #within<T>(connection: Connection, rule: ErrorCode, step: Promise<T>): Promise<T> {
    const deadline = setTimeout(() => connection.dismiss(rule), this.#options.limits.admissionTime);
    try {
      return await connection.arrival.unlessEnded(step);
    } finally {
      clearTimeout(deadline);
    }
  }

  async #refuse(visit: Visit, error: unknown): Promise<void> {
    const { transport, address, certificate, protocolLevel, clientId, willTopic } = visit;
    const { refusals, metrics, limits, log } = this.#options;
    const { code: rule, message, remedy, cause } = asRefusal(error);
    const { commonName: device, serialNumber } = certificate ?? {};
    metrics.refused(rule);
    const claims = { device: shown(device), serialNumber: shown(serialNumber), clientId: shown(clientId) };
    log.warn({ rule, ...claims, address, detail: message, remedy, err: cause }, 'connection refused');
    const topic = rule === 'will_denied' ? (willTopic ?? null) : null;
    const refused = {
      action: 'connect',
      rule,
      topic,
      detail: message,
      clientId: clientId ?? null,
      address,
    } as const;
    void refusals.ofPeer(certificate, refused);
    const { socket, stream } = transport;
    const answer = connackFor(rule, protocolLevel ?? PROTOCOL_LEVEL);
    if (stream === null) return sayFarewell(socket, answer && transport.refusal(rule), limits.refusalTime);
    // CONNACK answers CONNECT: it waits for whatever the peer means by one.
    if (answer !== null && protocolLevel === undefined) await untilPeerSpeaks(stream, limits.refusalTime);
    sayFarewell(stream, answer, limits.refusalTime);
  }
}

/** @throws GatehouseError `will_denied` */
function checkWill(will: Will | null, { grants }: Standing): void {
  const denial = will && denialOfPublish(grants, will.topic, will.payload.length);
  if (denial !== null) throw new GatehouseError('will_denied', denial.reason);
}

/** What a stranger claims may be of any length. */
function shown(claim: string | null | undefined): string | null | undefined {
  return claim?.slice(0, MAX_SHOWN);
}

function asRefusal(error: unknown): GatehouseError {
  return error instanceof GatehouseError
    ? error
    : new GatehouseError('internal', undefined, { cause: error });
}
