/** What groups, policies and profiles would come to, told without putting any in place: nothing is stored. For viewers too. */
import { z } from 'zod';
import type { GroupDryRun } from '../../core/api/groups.ts';
import type { PolicyDryRun, PolicyTestResult } from '../../core/api/policies.ts';
import type { ProfileTestResult } from '../../core/api/profiles.ts';
import { parseDeviceId } from '../../core/ids.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { foretellGroup } from '../use-cases/operating/foretell-group.ts';
import { foretellPolicy } from '../use-cases/operating/foretell-policy.ts';
import { testPolicy } from '../use-cases/operating/test-policy.ts';
import { testProfile } from '../use-cases/operating/test-profile.ts';
import * as answers from './answers/documents.ts';
import { document, entityName, group } from './documents.ts';

const plannedGroup = group.extend({ name: entityName });
const question = z.strictObject({
  device: z.string().transform(parseDeviceId),
  publish: z.string().optional(),
  subscribe: z.string().optional(),
  document: document.optional().describe('a policy as PUT takes it, with its name; else the one in force'),
});
const plannedPolicy = z.strictObject({
  document: document.describe('a policy as PUT takes it, with its name'),
});
const trial = z.strictObject({
  document: document.describe('a profile as PUT takes it, with its name'),
  device: z.string().transform(parseDeviceId).optional().describe('a registered one; else one is made up'),
});

/** They tell nothing that viewers cannot read, and who may not apply a document may well be asked about it. */
export function trialRoutes(server: HttpServer, context: EnrollContext): void {
  server.post(
    '/groups/dry-run',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'What putting a group in place would change, and for how many devices; nothing is stored',
        body: plannedGroup,
        response: { 200: answers.groupDryRun },
      },
    },
    ({ body }): Promise<GroupDryRun> => foretellGroup(context, body),
  );

  server.post(
    '/policies/test',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'What a policy says of one device and topic',
        body: question,
        response: { 200: answers.policyTest },
      },
    },
    ({ body }): Promise<PolicyTestResult> => testPolicy(context, body),
  );
  server.post(
    '/policies/dry-run',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'What putting a policy in place would change, and for how many devices; nothing is stored',
        body: plannedPolicy,
        response: { 200: answers.policyDryRun },
      },
    },
    ({ body }): Promise<PolicyDryRun> => foretellPolicy(context, body.document),
  );
  server.post(
    '/profiles/test',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'What a profile makes of a device, by an example certificate; nothing is stored',
        body: trial,
        response: { 200: answers.profileTest },
      },
    },
    ({ body }): Promise<ProfileTestResult> => testProfile(context, body),
  );
}
