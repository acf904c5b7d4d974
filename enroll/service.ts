/** The composition root of the enroll process: opens the registry and the CA key, and starts three listeners. */
import { rm } from 'node:fs/promises';
import type { Clock } from '../core/clock.ts';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import { advertisedHost, type Settings } from '../runtime/settings.ts';
import type { Closers } from '../runtime/shutdown.ts';
import type { EnrollContext } from './context.ts';
import { createCrlMetrics } from './crl/crl-metrics.ts';
import { CrlPublisher } from './crl/crl-publisher.ts';
import { CrlStore } from './crl/crl-store.ts';
import { CrlThread, type OpenListBuilder } from './crl/crl-thread-client.ts';
import type { Pace } from './crl/issuer-publisher.ts';
import { carefulClock, timeOfLastWrite } from './housekeeping/careful-clock.ts';
import { Housekeeping } from './housekeeping/housekeeping.ts';
import { type HttpServer, listen } from './http/http-server.ts';
import { createDeviceListener } from './listeners/device.ts';
import { createOperatorListener } from './listeners/operator.ts';
import { createStatusListener } from './listeners/status.ts';
import { createEnrollMetrics } from './metrics.ts';
import { openData, publishTrustAnchors } from './open-data.ts';
import { OwnRefusals } from './reports/own-refusals.ts';
import { ReportFollower } from './reports/report-follower.ts';
import { Rollover } from './rollover/rollover.ts';
import { keepServerCertificates } from './server-certificates.ts';
import type { openKeyStore } from './signer/open-key-store.ts';
import { DelegatedResponders } from './status/delegated-responders.ts';
import { createOcspMetrics } from './status/ocsp-metrics.ts';
import { createOcspResponder } from './status/ocsp-responder.ts';
import { keepStaples } from './status/staples.ts';
import { configuredStatusUrl } from './status-url.ts';

export interface EnrollAddresses {
  readonly enrollUrl: string;
  readonly statusUrl: string;
  readonly adminUrl: string;
}

/** What `gatehouse enroll` leaves as it is. */
export interface EnrollOptions {
  readonly clock?: Clock;
  /** Where the CA keys are, from the layout and the settings. */
  readonly openKeys?: typeof openKeyStore;
  /** How soon CRLs follow what changes. */
  readonly crlPace?: Pace;
  /** Where CRLs are built. */
  readonly openListBuilder?: OpenListBuilder;
  /** As RolloverContext has it. */
  readonly settleTime?: number;
  /** ms between the listeners' looks at their certificates and staples. */
  readonly pollInterval?: number;
}

/** Whatever is opened is added to `closers`, in order; it is theirs to close even if this rejects half-way. */
export async function startEnroll(
  settings: Settings,
  log: Logger,
  closers: Closers,
  options: EnrollOptions = {},
): Promise<EnrollAddresses> {
  const { clock = systemClock, openKeys, crlPace, settleTime, pollInterval } = options;
  const { openListBuilder = (database) => new CrlThread(database) } = options;
  const host = advertisedHost(settings);
  const open = async (server: HttpServer, name: PortSetting, address: string): Promise<number> => {
    closers.add('listener', () => server.close());
    return listen(server, { host: address, port: settings[name], setting: name });
  };

  // Step 1: the data folder, as its one writer, and the CA key.
  const { layout, registry, keys, issuing } = await openData(settings, clock, closers, openKeys);
  const lastWrite = await timeOfLastWrite(registry);
  for (const { issuer, error } of issuing.lostKeys) {
    log.error(
      { issuer: issuer.subject, rule: error.code, detail: error.message, remedy: error.remedy },
      'a retiring CA has no key: its CRL is not renewed, and OCSP does not answer for it',
    );
  }
  if (settings.signer === 'file' && settings.passphraseFile === undefined) {
    log.warn(
      { file: layout.ca.passphrase },
      'the passphrase of the CA keys lies beside them; see --passphrase-file',
    );
  }

  if (settings.signer === 'pkcs11' && settings.passphraseFile !== undefined) {
    log.warn(
      { file: settings.passphraseFile },
      '--passphrase-file is of no use with --signer pkcs11: the token has the CA keys, and opens by its PIN',
    );
  }

  // Step 2: the status listener, first because its address is part of every certificate from here on.
  const metrics = createEnrollMetrics(registry);
  const responders = new DelegatedResponders({ registry, issuing, clock, log });
  closers.add('OCSP responders', () => responders.close());
  const ocspMetrics = createOcspMetrics(metrics.registry);
  const ocsp = createOcspResponder({ registry, issuing, responders, clock, metrics: ocspMetrics, log });
  const store = await CrlStore.open({ folder: layout.crls, registry });
  const status = await createStatusListener({
    registry,
    crls: store,
    ocsp,
    clock,
    log,
    addressRate: settings.statusRate,
  });
  const statusPort = await open(status, 'statusPort', settings.host);
  const statusUrl = configuredStatusUrl(settings) ?? `http://${host}:${statusPort}`;
  const mqttUrl = settings.mqttUrl ?? `mqtts://${host}:${settings.mqttPort}`;
  const ownHostnames = [...settings.hostname, new URL(mqttUrl).hostname];
  const { crlShards } = settings;
  const context: EnrollContext = { registry, issuing, clock, statusUrl, crlShards, ownHostnames };

  // Step 3: what goes on by itself: the broker's reports, the CRL, the certificates of the listeners.
  const follower = new ReportFollower({ registry, clock, folder: layout.reports, log });
  closers.add('reports', () => follower.close());
  const refusals = new OwnRefusals({ registry, clock, log });
  closers.add('refusals', () => refusals.close());
  const builder = openListBuilder(layout.registry.database);
  closers.add('crl builder', () => builder.close());
  const crls = await CrlPublisher.start({
    ...context,
    store,
    builder,
    metrics: createCrlMetrics({ registry: metrics.registry, store, clock }),
    pace: crlPace,
    log,
  });
  closers.add('crl publisher', () => crls.close());
  const { hostname: hostnames } = settings;
  const certificates = await keepServerCertificates({ ...context, hostnames }, layout, log);
  closers.add('server certificates', () => certificates.close());
  const staples = await keepStaples({ registry, ocsp, layout, log });
  closers.add('staples', () => staples.close());

  // Step 4: devices.
  const { enrollRate: addressRate, tokenRate } = settings;
  const [tlsFile, stapleFile] = [layout.tls.enroll, layout.staples.enroll];
  const device = await createDeviceListener({
    context,
    metrics,
    mqttUrl,
    tokenRate,
    addressRate,
    tlsFile,
    stapleFile,
    pollInterval,
    refusals,
    log,
  });
  const enrollUrl = `https://${host}:${await open(device, 'enrollPort', settings.host)}`;

  // Step 5: operators, whose commands on this host find the address in the data folder.
  const rollover = new Rollover({
    ...context,
    keys,
    crls,
    renewServerCertificates: async () => {
      await certificates.ensure();
      await staples.refresh();
    },
    publishTrustAnchors: () => publishTrustAnchors(registry, layout),
    settleTime,
    log,
  });
  const housekeeping = new Housekeeping({
    registry,
    clock,
    carefulClock: carefulClock({ clock, lastWrite }),
    retention: settings.retention,
    archive: layout.archive,
    onRun: (run) => metrics.housekept(run),
    log,
  });
  closers.add('housekeeping', () => housekeeping.close());
  const operator = await createOperatorListener({
    context,
    rollover,
    crls: store,
    housekeeping,
    metrics,
    tlsFile,
    stapleFile,
    pollInterval,
    log,
  });
  const adminPort = await open(operator, 'adminPort', settings.adminHost);
  const adminUrl = `https://${adminHostname(settings)}:${adminPort}`;
  await writeFileAtomic(layout.operator.url, `${adminUrl}\n`, 0o644);
  closers.add('operator url', () => rm(layout.operator.url, { force: true }));

  // Step 6: what nobody waits for.
  housekeeping.start();
  return { enrollUrl, statusUrl, adminUrl };
}

type PortSetting = 'statusPort' | 'enrollPort' | 'adminPort';

/** On loopback, the name by which the server certificate is checked; else the name that is advertised. */
function adminHostname(settings: Settings): string {
  const loopback = ['127.0.0.1', '::1', 'localhost'].includes(settings.adminHost);
  if (!loopback) return advertisedHost(settings);
  return settings.hostname.includes('localhost') ? 'localhost' : advertisedHost(settings);
}
