/** Operators and their tokens. */

import { GatehouseError } from '../../../core/errors.ts';
import { type EntityName, quote } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import { createToken, parseToken, secretMatches } from '../../../core/token.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { OperatorRecord, OperatorRole } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';

const RANK: Readonly<Record<OperatorRole, number>> = { viewer: 0, operator: 1, admin: 2 };

/** The operator who presents this token. @throws GatehouseError `operator_token_missing`, `operator_token_invalid` */
export async function authenticateOperator(
  registry: RegistryReader,
  token: string | undefined,
): Promise<OperatorRecord> {
  if (token === undefined) throw new GatehouseError('operator_token_missing');
  const presented = parseToken('operator', token);
  const operator = presented && (await registry.operatorByTokenId(presented.id));
  if (!presented || !secretMatches(presented.secret, operator?.secretHash) || operator === undefined) {
    throw new GatehouseError('operator_token_invalid');
  }
  return operator;
}

/** @throws GatehouseError `operator_role_insufficient` */
export function requireRole(operator: OperatorRecord, role: OperatorRole): void {
  if (RANK[operator.role] < RANK[role]) {
    throw new GatehouseError(
      'operator_role_insufficient',
      `this needs the role ${role}; ${operator.name} is ${operator.role}`,
    );
  }
}

/** The token is in the answer and nowhere else. @throws GatehouseError `operator_exists` */
export function createOperator(
  { registry, clock }: Pick<EnrollContext, 'registry' | 'clock'>,
  actor: Actor,
  name: EntityName,
  role: OperatorRole,
): Promise<{ readonly token: string; readonly record: OperatorRecord }> {
  const { id, token, secretHash } = createToken('operator');
  const record: OperatorRecord = { name, role, tokenId: id, secretHash, createdAt: clock.now() };
  return registry.write(actor, async (transaction) => {
    await refuseNameTaken(transaction, name);
    await transaction.insertOperator(record);
    await transaction.append({ action: 'operator.created', subject: name, data: { role } });
    return { token, record };
  });
}

/** Its token is void from then on. @throws GatehouseError `operator_unknown`, `operator_last_admin` */
export function removeOperator({ registry }: EnrollContext, actor: Actor, name: EntityName): Promise<void> {
  return registry.write(actor, async (transaction) => {
    const operators = await transaction.operators();
    const operator = operators.find((one) => one.name === name);
    if (operator === undefined)
      throw new GatehouseError('operator_unknown', `there is no operator ${quote(name)}`);
    const admins = operators.filter(({ role }) => role === 'admin');
    if (operator.role === 'admin' && admins.length === 1) {
      throw new GatehouseError('operator_last_admin', `${quote(name)} is the only admin`);
    }
    await transaction.removeOperator(name);
    await transaction.append({ action: 'operator.removed', subject: name, data: {} });
  });
}

async function refuseNameTaken(transaction: RegistryTransaction, name: EntityName): Promise<void> {
  if ((await transaction.operators()).some((one) => one.name === name)) {
    throw new GatehouseError('operator_exists', `there is an operator ${quote(name)} already`);
  }
}
