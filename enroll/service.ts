/** The composition root of the enroll process: opens the registry and the CA key, and starts three listeners. */
import { existsSync } from 'node:fs';
import type { Clock } from '../core/clock.ts';
import { GatehouseError } from '../core/errors.ts';
import { openRegistry } from '../registry/sqlite/open.ts';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import { systemClock } from '../runtime/clock.ts';
import { dataLayout } from '../runtime/layout.ts';
import type { Logger } from '../runtime/log.ts';
import { advertisedHost, type Settings } from '../runtime/settings.ts';
import type { Closers } from '../runtime/shutdown.ts';
import type { EnrollContext } from './context.ts';
import { FirstUseFollower } from './first-use-follower.ts';
import { isInitialized } from './init.ts';
import { createDeviceListener } from './listeners/device.ts';
import { type HttpServer, listen } from './listeners/http-server.ts';
import { createOperatorListener } from './listeners/operator.ts';
import { createStatusListener } from './listeners/status.ts';
import { createEnrollMetrics } from './metrics.ts';
import { ensureServerCertificate } from './server-certificates.ts';
import { loadIssuingAuthority } from './signer/issuing-authority.ts';
import { readPassphrase } from './signer/passphrase.ts';
import { startCrlPublisher } from './status/crl-publisher.ts';
import { createOcspResponder } from './status/ocsp-responder.ts';
import { configuredStatusUrl } from './status-url.ts';

const CERTIFICATE_CHECK_MS = 3_600_000;

export interface EnrollAddresses {
  readonly enrollUrl: string;
  readonly statusUrl: string;
  readonly adminUrl: string;
}

/** Whatever is opened is added to `closers`, in order; it is theirs to close even if this rejects half-way. */
export async function startEnroll(
  settings: Settings,
  log: Logger,
  closers: Closers,
  clock: Clock = systemClock,
): Promise<EnrollAddresses> {
  const layout = dataLayout(settings.data);
  refuseUnfinished(layout, settings);

  const registry = await openRegistry({ file: layout.registry.database, clock });
  closers.add('registry', () => registry.close());
  const issuing = await loadIssuingAuthority(
    registry,
    layout,
    await readPassphrase(layout, settings.passphraseFile),
  );

  // The status listener comes first: its address is part of every certificate from here on.
  const ocsp = createOcspResponder({ registry, issuing, clock, log });
  const statusPort = await open(
    createStatusListener({ registry, ocsp, log }),
    settings.host,
    settings.statusPort,
  );
  const host = advertisedHost(settings);
  const statusUrl = configuredStatusUrl(settings) ?? `http://${host}:${statusPort}`;
  const context: EnrollContext = { registry, issuing, clock, statusUrl };

  const follower = new FirstUseFollower({ registry, clock, file: layout.firstUses, log });
  closers.add('first uses', () => follower.close());

  const publisher = await startCrlPublisher({ ...context, issuer: issuing.current(), log });
  closers.add('crl publisher', () => publisher.close());

  const renewServerCertificates = async () => {
    const certificates = { ...context, issuer: issuing.current(), hostnames: settings.hostname };
    for (const role of ['enroll', 'broker'] as const) {
      if (await ensureServerCertificate(certificates, role, layout.tls[role]))
        log.info({ listener: role }, 'server certificate renewed');
    }
  };
  await renewServerCertificates();
  const renewal = setInterval(
    () =>
      void renewServerCertificates().catch((error: unknown) =>
        log.error({ err: error }, 'server certificates could not be renewed'),
      ),
    CERTIFICATE_CHECK_MS,
  );
  closers.add('server certificates', () => clearInterval(renewal));

  const metrics = createEnrollMetrics();
  const mqttUrl = settings.mqttUrl ?? `mqtts://${host}:${settings.mqttPort}`;
  const { enrollRate: addressRate, tokenRate } = settings;
  const tlsFile = layout.tls.enroll;
  const device = await createDeviceListener({
    context,
    metrics,
    mqttUrl,
    tokenRate,
    addressRate,
    tlsFile,
    log,
  });
  const enrollUrl = `https://${host}:${await open(device, settings.host, settings.enrollPort)}`;

  const operator = await createOperatorListener({ context, metrics, tlsFile, log });
  const adminPort = await open(operator, settings.adminHost, settings.adminPort);
  const adminUrl = `https://${adminHostname(settings)}:${adminPort}`;
  await writeFileAtomic(layout.operator.url, `${adminUrl}\n`, 0o644);
  return { enrollUrl, statusUrl, adminUrl };

  async function open(server: HttpServer, address: string, port: number): Promise<number> {
    closers.add('listener', () => server.close());
    return listen(server, address, port);
  }
}

/** A folder that misses a piece is refused before anything is opened, since opening could create the piece anew. */
function refuseUnfinished(layout: ReturnType<typeof dataLayout>, settings: Settings): void {
  if (!isInitialized(layout) && !existsSync(layout.registry.database)) {
    throw new GatehouseError('data_missing', `${settings.data} holds no Gatehouse`);
  }
  const missing = [layout.rootCertificate, layout.registry.database].filter((path) => !existsSync(path));
  if (missing.length > 0 || existsSync(layout.ca.unfinished)) {
    throw new GatehouseError('data_incomplete', `missing: ${missing.join(', ') || 'the end of init'}`);
  }
}

/** On loopback, the name by which the server certificate is checked; else the name that is advertised. */
function adminHostname(settings: Settings): string {
  const loopback = ['127.0.0.1', '::1', 'localhost'].includes(settings.adminHost);
  if (!loopback) return advertisedHost(settings);
  return settings.hostname.includes('localhost') ? 'localhost' : advertisedHost(settings);
}
