/** The CA certificates that peers are verified by. */
import { encodePem } from '../core/pki/pem.ts';
import type { RegistryReader } from './port/reader.ts';

/**
 * Those of every issuer that is not retired: PEM, in the order in which they were added. The issuing CAs too, for devices
 * that send their own certificate alone.
 */
export async function trustAnchors(registry: Pick<RegistryReader, 'issuers'>): Promise<readonly string[]> {
  const issuers = await registry.issuers();
  return issuers.filter(({ status }) => status !== 'retired').map(({ der }) => encodePem('CERTIFICATE', der));
}

/** Those of every manufacturer, in PEM: for the listener at which factory certificates count, and for no other. */
export async function factoryAnchors(
  registry: Pick<RegistryReader, 'manufacturers'>,
): Promise<readonly string[]> {
  return (await registry.manufacturers()).map(({ certificates }) => certificates);
}
