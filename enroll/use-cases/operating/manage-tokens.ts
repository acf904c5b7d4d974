/** Enrollment tokens: created, shown once, revoked. */
import { parseDeviceBinding } from '../../../core/enrollment/device-binding.ts';
import { GatehouseError } from '../../../core/errors.ts';
import { type EntityName, quote } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import { createToken } from '../../../core/token.ts';
import type { TokenRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';
import { groupOrRefuse } from '../look-ups.ts';

export interface TokenTerms {
  readonly group: EntityName;
  readonly device: string | null;
  readonly maxUses: number;
  /** Milliseconds from now. */
  readonly lifetime: number;
}

/** The token itself is in the answer and nowhere else. @throws GatehouseError `group_unknown`, `device_pattern_invalid` */
export async function createEnrollmentToken(
  { registry, clock }: EnrollContext,
  actor: Actor,
  terms: TokenTerms,
): Promise<{ readonly token: string; readonly record: TokenRecord }> {
  const device = terms.device === null ? null : parseDeviceBinding(terms.device);
  const { id, token, secretHash } = createToken('enrollment');
  const now = clock.now();
  const record: TokenRecord = {
    id,
    secretHash,
    group: terms.group,
    device,
    maxUses: terms.maxUses,
    uses: 0,
    createdAt: now,
    createdBy: actor,
    expiresAt: now + terms.lifetime,
    revokedAt: null,
  };
  await registry.write(actor, async (transaction) => {
    await groupOrRefuse(transaction, terms.group);
    await transaction.insertToken(record);
    const { group, maxUses, expiresAt } = record;
    await transaction.append({
      action: 'token.created',
      subject: id,
      data: { group, device, maxUses, expiresAt },
    });
  });
  return { token, record };
}

/** Nobody enrolls with it any more; certificates already issued stand. @throws GatehouseError `token_unknown` */
export function revokeEnrollmentToken(
  { registry, clock }: EnrollContext,
  actor: Actor,
  id: string,
): Promise<TokenRecord> {
  return registry.write(actor, async (transaction) => {
    const token = await transaction.token(id);
    if (token === undefined) throw new GatehouseError('token_unknown', `there is no token ${quote(id)}`);
    if (token.revokedAt !== null) return token;
    const revokedAt = clock.now();
    await transaction.revokeToken(id, revokedAt);
    await transaction.append({ action: 'token.revoked', subject: id, data: {} });
    return { ...token, revokedAt };
  });
}
