/** The operator's commands: what each is for, and where it is. */
import type { CommandEntry } from '../runtime/command-line/command-table.ts';

export const operatorCommandTable: readonly CommandEntry[] = [
  {
    name: 'token',
    summary: 'Enrollment tokens: whoever holds one may enroll a device.',
    load: async () => (await import('./commands/token.ts')).tokenCommands,
  },
  {
    name: 'device',
    summary: 'Devices: list, show, explain, import, change, suspend, resume, revoke, reinstate.',
    load: async () => (await import('./commands/device-commands.ts')).deviceCommands,
  },
  {
    name: 'certificate',
    summary: 'Certificates: list, show, revoke, and not the devices that have them.',
    load: async () => (await import('./commands/certificate.ts')).certificateCommands,
  },
  {
    name: 'request',
    summary: 'Requests: devices that ask to enroll into a group with --approval required.',
    load: async () => (await import('./commands/request.ts')).requestCommands,
  },
  {
    name: 'manufacturer',
    summary: 'Manufacturers: devices enroll by the certificates they left the factory with, without a token.',
    load: async () => (await import('./commands/manufacturer.ts')).manufacturerCommands,
  },
  {
    name: 'group',
    summary: 'Groups: each gives its devices a profile and a policy; suspend, resume, revoke them together.',
    load: async () => (await import('./commands/group.ts')).groupCommands,
  },
  {
    name: 'policy',
    summary: 'Policies: the topics that devices may use.',
    load: async () => (await import('./commands/policy.ts')).policyCommands,
  },
  {
    name: 'profile',
    summary:
      'Certificate profiles: names, purposes and validity of the certificates of a group, and the keys they may have.',
    load: async () => (await import('./commands/profile.ts')).profileCommands,
  },
  {
    name: 'journal',
    summary: 'The journal: every change, who made it, tamper-evident.',
    load: async () => (await import('./commands/journal.ts')).journalCommands,
  },
  {
    name: 'housekeeping',
    summary: 'Housekeeping: what ended long ago leaves the registry (--retention of enroll).',
    load: async () => (await import('./commands/housekeeping.ts')).housekeepingCommands,
  },
  {
    name: 'ca',
    summary: 'The CAs: show, rotate, retire, revoke what they issued.',
    load: async () => (await import('./commands/ca.ts')).caCommands,
  },
  {
    name: 'operator',
    summary: 'Operators: who may give these commands.',
    load: async () => (await import('./commands/operator.ts')).operatorCommands,
  },
  {
    name: 'key',
    summary: 'Public keys that are known to be compromised.',
    load: async () => (await import('./commands/key.ts')).keyCommands,
  },
];
