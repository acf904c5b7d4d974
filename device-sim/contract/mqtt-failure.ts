/** How MQTT 3.1.1 refuses, by a CONNACK or a SUBACK, as a `Failure`. */
import { ErrorWithReasonCode, ErrorWithSubackPacket } from 'mqtt';
import type { ErrorCode } from '../../core/errors.ts';
import { connectionLost, Failure, type Retry, transportFailure } from './failure.ts';

interface ConnackFailure {
  readonly code: ErrorCode;
  readonly meaning: string;
  readonly retry: Retry;
}

/** What each CONNACK return code means (MQTT 3.1.1 §3.2.2.3), and what another attempt is worth. */
const connackFailures: Readonly<Record<number, ConnackFailure>> = {
  1: { code: 'mqtt_protocol_version', meaning: 'unacceptable protocol version', retry: 'never' },
  2: { code: 'mqtt_identifier_rejected', meaning: 'client id rejected', retry: 'never' },
  3: { code: 'mqtt_unavailable', meaning: 'server unavailable', retry: 'soon' },
  4: { code: 'mqtt_bad_credentials', meaning: 'bad user name or password', retry: 'never' },
  // Revoked for good or suspended for a while: the code is the same.
  5: { code: 'mqtt_not_authorized', meaning: 'not authorized', retry: 'later' },
};

/** Why a connection did not come about: the CONNACK that refused it, or what TLS or the network did. */
export function connectFailure(error: Error, url: string): Failure {
  const known = error instanceof ErrorWithReasonCode ? connackFailures[error.code] : undefined;
  if (!(error instanceof ErrorWithReasonCode) || known === undefined) return transportFailure(error, url);
  const { code, meaning, retry } = known;
  const detail = `${url} refused the connection: CONNACK ${error.code}, ${meaning}`;
  return new Failure(code, detail, { retry, cause: error });
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
        retry: 'never',
      });
    }
    throw connectionLost(url, { cause: error });
  }
}
