/** The CA certificates that peers are verified by: those of every issuer that is not retired. */
import { encodePem } from '../core/pki/pem.ts';
import type { RegistryReader } from './port.ts';

/** PEM, in the order in which they were added. The issuing CAs too, for devices that send their own certificate alone. */
export async function trustAnchors(registry: Pick<RegistryReader, 'issuers'>): Promise<readonly string[]> {
  const issuers = await registry.issuers();
  return issuers.filter(({ status }) => status !== 'retired').map(({ der }) => encodePem('CERTIFICATE', der));
}
