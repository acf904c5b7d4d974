/** The CA that an operator means. */
import type { IssuerView } from '../../core/api/issuers.ts';
import { GatehouseError } from '../../core/errors.ts';
import { quote } from '../../core/ids.ts';

/**
 * @param name fingerprint, the beginning of one, or subject
 * @param misuse where several are meant
 * @throws GatehouseError `issuer_unknown`
 */
export function issuerNamed<Issuer extends IssuerView>(
  issuers: readonly Issuer[],
  name: string,
  misuse: (text: string) => never,
): Issuer {
  const hex = name.replaceAll(':', '').toLowerCase();
  const isPrefix = /^[0-9a-f]{6,64}$/.test(hex);
  const [first, second] = issuers.filter(
    ({ fingerprint, subject }) =>
      (isPrefix && fingerprint.startsWith(hex)) || subject === name || subject === `CN=${name}`,
  );
  if (first === undefined) throw new GatehouseError('issuer_unknown', `there is no CA ${quote(name)}`);
  if (second !== undefined)
    return misuse(`several CAs are meant by ${quote(name)}: give more of the fingerprint`);
  return first;
}
