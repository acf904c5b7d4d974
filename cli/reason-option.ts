/** `--reason`, of commands that revoke. */
import { type Command, Option } from 'commander';
import { type FinalReason, finalReasons } from '../core/pki/revocation-reason.ts';

export interface ReasonFlag {
  readonly reason?: FinalReason;
}

export function addReason(command: Command): Command {
  return command.addOption(
    new Option('--reason <reason>', 'goes into CRL and OCSP (default: unspecified)').choices(finalReasons),
  );
}
