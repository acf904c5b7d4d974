/** /api/v1/operators: who may operate this Gatehouse. */
import { z } from 'zod';
import type { OperatorCreated, OperatorView } from '../../core/api/operators.ts';
import { parseEntityName } from '../../core/ids.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { createOperator, removeOperator } from '../use-cases/operating/manage-operators.ts';
import { listOf, nothing } from './answers/fields.ts';
import { operator, operatorCreated } from './answers/operation.ts';
import { operatorView } from './views.ts';

const name = z.string().transform(parseEntityName);
const body = z.strictObject({ name, role: z.enum(['viewer', 'operator', 'admin']) });

export function operatorRoutes(server: HttpServer, context: EnrollContext): void {
  server.get(
    '/operators',
    {
      config: { role: 'admin' },
      schema: { summary: 'Operators and their roles', response: { 200: listOf(operator) } },
    },
    async (): Promise<{ items: OperatorView[] }> => ({
      items: (await context.registry.operators()).map(operatorView),
    }),
  );

  server.post(
    '/operators',
    {
      config: { role: 'admin' },
      schema: {
        summary: 'Create an operator; the token is shown only in this answer',
        body,
        response: { 201: operatorCreated },
      },
    },
    async ({ actor, body: { name, role } }, reply) => {
      const { token, record } = await createOperator(context, actor, name, role);
      const created: OperatorCreated = { ...operatorView(record), token };
      return reply.status(201).send(created);
    },
  );

  server.delete(
    '/operators/:name',
    {
      config: { role: 'admin' },
      schema: { summary: 'Remove an operator', params: z.object({ name }), response: { 204: nothing } },
    },
    async ({ actor, params: { name } }, reply) => {
      await removeOperator(context, actor, name);
      return reply.status(204).send();
    },
  );
}
