/**
 * What the device listener refuses whoever shows a certificate: gathered, and written with what the broker reports. With
 * the device, where the certificate is one that the registry has for it; apart, where it only claims to be. Requests by
 * token alone are in the log and the counters: a token says nothing of who sends it.
 */
import type { FastifyRequest } from 'fastify';
import { type ErrorCode, isErrorCode } from '../../core/errors.ts';
import { isDeviceId } from '../../core/ids.ts';
import { RefusalLedger } from '../../core/observations/refusal-ledger.ts';
import type { Logger } from '../../runtime/log.ts';
import type { PeerCertificate } from '../../runtime/peer-certificate.ts';
import type { EnrollContext } from '../context.ts';
import { peerCertificateOf } from '../http/http-server.ts';

const INTERVAL_MS = 5_000;
const AT_ONCE = 500;

export interface OwnRefusalsOptions extends Pick<EnrollContext, 'registry' | 'clock'> {
  readonly log: Logger;
}

export class OwnRefusals {
  readonly #options: OwnRefusalsOptions;
  readonly #ledger = new RefusalLedger();
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: OwnRefusalsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.#writing = this.#writing.then(() => this.#write());
    }, INTERVAL_MS).unref();
  }

  /** Never throws, and keeps nobody waiting. */
  note(request: FastifyRequest, rule: string, detail: string): void {
    const certificate = peerCertificateOf(request);
    if (certificate === undefined || !isErrorCode(rule)) return;
    const route = request.routeOptions.url ?? '';
    const action = /\/(renew|simplereenroll)$/.test(route) ? 'renew' : 'enroll';
    void this.#file(certificate, { action, rule, detail, address: request.ip });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write();
  }

  async #file(
    { commonName: claimed, serialNumber, fingerprint }: PeerCertificate,
    refused: { action: 'enroll' | 'renew'; rule: ErrorCode; detail: string; address: string },
  ): Promise<void> {
    if (claimed === null || !isDeviceId(claimed)) return;
    const { registry, clock } = this.#options;
    const refusal = { ...refused, serialNumber, topic: null, clientId: null };
    const owner = await registry.certificate(fingerprint).then(
      (certificate) => certificate?.device,
      () => undefined, // where the registry cannot be asked, nothing is proven
    );
    if (owner === claimed) this.#ledger.note(claimed, refusal, clock.now());
    else this.#ledger.noteClaim(claimed, refusal, clock.now());
  }

  async #write(): Promise<void> {
    const { registry, log } = this.#options;
    try {
      while (this.#ledger.size > 0) await registry.observe(this.#ledger.take(AT_ONCE));
    } catch (error) {
      log.warn({ err: error }, 'what was refused could not be written');
    }
  }
}
