/** `--renew-key`, which `run` and `fleet` share. */
import { Option } from 'commander';
import { renewalKeys } from '../identity/renew-identity.ts';

export function renewKeyOption(): Option {
  return new Option('--renew-key <which>', 'whether a renewed certificate is for a new key of the same kind')
    .choices(renewalKeys)
    .default('new');
}
