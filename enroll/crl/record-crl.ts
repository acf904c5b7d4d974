/** CRL numbers and lists in the registry, each number with its journal row. */
import type { Fingerprint } from '../../core/ids.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { RegistryTransaction } from '../../registry/port/transaction.ts';
import type { CrlRecord } from '../../registry/records.ts';

/** A list of which the registry is the only place, under the next number. */
export async function recordCrl(transaction: RegistryTransaction, crl: CrlRecord): Promise<void> {
  await transaction.putCrlNumber(crl.issuer, crl.number);
  await transaction.keepCrl(crl);
  await appendIssued(transaction, crl);
}

/**
 * Takes a number before there is a list of it: whatever ends the process then, no other list will ever have it.
 * @param above a number that is taken in any case, by a registry that was replaced by one from a backup
 * @returns undefined for a CA that was retired: the last CRL of it is that of its retirement
 */
export function takeCrlNumber(
  registry: Registry,
  issuer: Fingerprint,
  above: bigint,
): Promise<bigint | undefined> {
  return registry.write('system', async (transaction) => {
    if ((await transaction.issuer(issuer))?.status === 'retired') return undefined;
    const last = await transaction.crlNumber(issuer);
    const number = (last > above ? last : above) + 1n;
    await transaction.putCrlNumber(issuer, number);
    await appendIssued(transaction, { issuer, number });
    return number;
  });
}

function appendIssued(
  transaction: RegistryTransaction,
  { issuer, number }: Pick<CrlRecord, 'issuer' | 'number'>,
): Promise<void> {
  return transaction.append({
    action: 'crl.issued',
    subject: issuer,
    data: { number: String(number) },
  });
}
