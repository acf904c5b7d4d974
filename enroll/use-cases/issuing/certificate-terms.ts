/**
 * What a device's certificate says beside its key: decided on before it is signed, when nothing is held, and once more in
 * the transaction that records it. An operator may have changed any of it in between.
 */
import { isDeepStrictEqual } from 'node:util';
import { GatehouseError } from '../../../core/errors.ts';
import type { Profile } from '../../../core/pki/profile.ts';
import type { TemplateSubject } from '../../../core/template.ts';

export interface CertificateTerms {
  readonly profile: Profile;
  readonly device: TemplateSubject;
}

/** What was signed under other terms would tell of them until it expires. @throws GatehouseError `terms_changed` */
export function refuseChangedTerms(before: CertificateTerms, now: CertificateTerms): void {
  for (const part of ['device', 'profile'] as const) {
    if (isDeepStrictEqual(before[part], now[part])) continue;
    throw new GatehouseError('terms_changed', `the ${part} is not what it was when the request came`);
  }
}
