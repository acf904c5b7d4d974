/**
 * Where things lie in the data folder. Each subfolder is one process's or one purpose's, so that a container
 * can be given just the ones it needs: the broker's has neither `ca` nor `operator`.
 */
import { join } from 'node:path';

/** Where nothing else is said. */
export const DEFAULT_DATA_FOLDER = './data';

export function dataLayout(data: string) {
  return {
    settings: join(data, 'gatehouse.yaml'),
    /** The trust anchor: public, for devices and operators. */
    rootCertificate: join(data, 'public', 'root.pem'),
    /** Encrypted CA keys, each named by the fingerprint of its certificate: enroll alone. */
    ca: {
      folder: join(data, 'ca'),
      /** May be taken off the machine: needed only when CAs change. */
      rootKey: (fingerprint: string) => join(data, 'ca', `root-${fingerprint.slice(0, 16)}.key.pem`),
      issuingKey: (fingerprint: string) => join(data, 'ca', `issuing-${fingerprint.slice(0, 16)}.key.pem`),
      passphrase: join(data, 'ca', 'passphrase'),
      /** There while init is at work: nothing has been issued yet, so what lies around may be thrown away. */
      unfinished: join(data, 'ca', 'init-unfinished'),
    },
    /** Written by enroll, read by the broker. */
    registry: {
      folder: join(data, 'registry'),
      database: join(data, 'registry', 'registry.db'),
      /** Held by enroll for its life: there is one writer. */
      writerLock: join(data, 'registry', 'writer.lock'),
    },
    /**
     * The listeners' private key, certificate and chain, in one PEM file each so that a renewal replaces them
     * at one stroke. Issued and renewed by enroll; the broker reads its own.
     */
    tls: {
      enroll: join(data, 'tls', 'enroll', 'server.pem'),
      broker: join(data, 'tls', 'broker', 'server.pem'),
    },
    /** What OCSP says of these certificates, DER: kept by enroll, stapled to their handshakes by the listeners. */
    staples: {
      enroll: join(data, 'tls', 'enroll', 'ocsp.der'),
      broker: join(data, 'tls', 'broker', 'ocsp.der'),
    },
    /** The CRLs that are served, by issuer: enroll alone. All of them can be signed again. */
    crls: join(data, 'crls'),
    /** What the operator's commands on this host use. */
    operator: { token: join(data, 'operator', 'token'), url: join(data, 'operator', 'url') },
    /** Rows of the journal that have left the registry: written by enroll, read by nobody. */
    archive: join(data, 'archive'),
    /** What the broker reports: devices it has seen, renewed certificates in use, refusals. Read by enroll. */
    reports: join(data, 'reports'),
    /** Durable sessions, retained messages, wills: the broker's alone. */
    sessions: join(data, 'sessions', 'sessions.db'),
    /** What TLS sessions are resumed with: the broker's alone. */
    ticketKeys: join(data, 'sessions', 'ticket-keys.json'),
  };
}

export type DataLayout = ReturnType<typeof dataLayout>;
