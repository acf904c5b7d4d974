/** A CA whose key can be away, a clock that can be set, and the responders that the CA delegates. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pino } from 'pino';
import { GatehouseError } from '../../core/errors.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import { IssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { DelegatedResponders } from '../../enroll/status/delegated-responders.ts';
import type { OcspMetrics } from '../../enroll/status/ocsp-metrics.ts';
import { createOcspResponder } from '../../enroll/status/ocsp-responder.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { insertIssuer } from '../broker/world.ts';
import { createAuthority } from '../pki/test-authority.ts';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface AwayKey {
  /** While it is true, signing fails as it does with a token that was unplugged. */
  away: boolean;
  /** How often it was asked to sign. */
  asked: number;
}

export interface Delegation {
  readonly registry: Registry;
  readonly issuer: Issuer;
  readonly issuing: IssuingAuthority;
  readonly key: AwayKey;
  readonly clock: { time: number; now(): number };
  readonly log: LogLine[];
  readonly counted: Parameters<OcspMetrics['answered']>[];
  responders(): DelegatedResponders;
  ocsp(responders: DelegatedResponders): ReturnType<typeof createOcspResponder>;
  close(): Promise<void>;
}

export async function openDelegation(folder: string): Promise<Delegation> {
  const clock = { time: Date.now(), now: () => clock.time };
  const registry = await openRegistry({ file: join(folder, `${randomUUID()}.db`), clock });
  const { root, issuing } = await createAuthority({ now: clock.time });
  await registry.write('system', async (transaction) => {
    await insertIssuer(transaction, root, 'root');
    await insertIssuer(transaction, issuing, 'issuing');
  });

  const key: AwayKey = { away: false, asked: 0 };
  const issuer: Issuer = {
    certificate: issuing.certificate,
    signer: {
      ...issuing.signer,
      async sign(data) {
        key.asked += 1;
        if (key.away) throw new GatehouseError('signer_unavailable', 'the token is unplugged');
        return issuing.signer.sign(data);
      },
    },
  };
  const lines: LogLine[] = [];
  const log = pino({ level: 'trace' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const opened: DelegatedResponders[] = [];
  const authority = new IssuingAuthority(issuer);
  const counted: Delegation['counted'] = [];
  return {
    registry,
    issuer,
    issuing: authority,
    key,
    clock,
    log: lines,
    counted,
    responders() {
      const responders = new DelegatedResponders({ registry, issuing: authority, clock, log });
      opened.push(responders);
      return responders;
    },
    ocsp(responders) {
      const metrics: OcspMetrics = { answered: (...answered) => void counted.push(answered) };
      return createOcspResponder({ registry, issuing: authority, responders, clock, metrics, log });
    },
    async close() {
      for (const responders of opened) await responders.close();
      await registry.close();
    },
  };
}
