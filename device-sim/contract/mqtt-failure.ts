/** How MQTT 3.1.1 refuses, by a CONNACK or a SUBACK, as a `Failure`. */
import { ErrorWithReasonCode, ErrorWithSubackPacket } from 'mqtt';
import { connectionLost, Failure, transportFailure } from './failure.ts';

interface ConnackFailure {
  readonly code: string;
  readonly meaning: string;
  readonly permanent: boolean;
  readonly remedy?: string;
}

/** What each CONNACK return code means (MQTT 3.1.1 §3.2.2.3), and whether another attempt can change it. */
const connackFailures: Readonly<Record<number, ConnackFailure>> = {
  1: { code: 'mqtt_protocol_version', meaning: 'unacceptable protocol version', permanent: true },
  2: { code: 'mqtt_identifier_rejected', meaning: 'client id rejected', permanent: true },
  3: { code: 'mqtt_unavailable', meaning: 'server unavailable', permanent: false },
  4: { code: 'mqtt_bad_credentials', meaning: 'bad user name or password', permanent: true },
  5: {
    code: 'mqtt_not_authorized',
    meaning: 'not authorized',
    permanent: true,
    remedy:
      'The certificate is revoked, suspended, superseded or unknown, and MQTT 3.1.1 has one code for them all: ' +
      'gatehouse device show ID tells which.',
  },
};

/** Why a connection did not come about: the CONNACK that refused it, or what TLS or the network did. */
export function connectFailure(error: Error, url: string): Failure {
  if (!(error instanceof ErrorWithReasonCode)) return transportFailure(error, url);
  const known = connackFailures[error.code];
  if (known === undefined) return transportFailure(error, url);
  const { code, meaning, permanent, remedy } = known;
  return new Failure(code, `${url} refused the connection: CONNACK ${error.code}, ${meaning}`, {
    cause: error,
    permanent,
    ...(remedy !== undefined && { remedy }),
  });
}

/** Waits for what the broker acknowledges. @throws Failure `subscribe_refused`, `connection_lost` */
export async function acknowledged(work: Promise<unknown>, url: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    // A SUBACK of 0x80 refuses the filter (MQTT 3.1.1 §3.9.3). Without a packet, there was no SUBACK.
    if (error instanceof ErrorWithSubackPacket && error.packet !== undefined) {
      throw new Failure('subscribe_refused', `${url} refused the subscription`, {
        cause: error,
        permanent: true,
      });
    }
    throw connectionLost(url, { cause: error });
  }
}
