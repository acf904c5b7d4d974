/**
 * Where things lie in the data folder. Each subfolder is one process's or one purpose's, so that a container
 * can be given just the ones it needs: the broker's has neither `ca` nor `operator`.
 */
import { join } from 'node:path';

export function dataLayout(data: string) {
  return {
    settings: join(data, 'gatehouse.yaml'),
    /** CA certificates and encrypted keys: enroll alone. */
    ca: {
      folder: join(data, 'ca'),
      /** May be taken off the machine: needed only to issue an issuing CA. */
      rootKey: join(data, 'ca', 'root.key.pem'),
      /** The trust anchor, public. */
      rootCertificate: join(data, 'ca', 'root.pem'),
      issuingKey: (fingerprint: string) => join(data, 'ca', `issuing-${fingerprint.slice(0, 16)}.key.pem`),
      passphrase: join(data, 'ca', 'passphrase'),
    },
    /** Written by enroll, read by the broker. */
    registry: { folder: join(data, 'registry'), database: join(data, 'registry', 'registry.db') },
    /** Certificates and keys of the listeners, issued and renewed by enroll; the broker reads its own. */
    tls: {
      enroll: {
        key: join(data, 'tls', 'enroll', 'key.pem'),
        chain: join(data, 'tls', 'enroll', 'chain.pem'),
      },
      broker: {
        key: join(data, 'tls', 'broker', 'key.pem'),
        chain: join(data, 'tls', 'broker', 'chain.pem'),
      },
    },
    /** What the operator's commands on this host use. */
    operator: { token: join(data, 'operator', 'token'), url: join(data, 'operator', 'url') },
    /** The broker's own. */
    sessions: { folder: join(data, 'sessions') },
  };
}

export type DataLayout = ReturnType<typeof dataLayout>;
