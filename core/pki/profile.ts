/** Certificate profiles: what stands in the certificates of a group, and which keys they may have. */
import { GatehouseError } from '../errors.ts';
import { type EntityName, parseEntityName } from '../ids.ts';
import type { NameTemplates } from './device-names.ts';
import type { SubjectField } from './name-forms.ts';
import { type DevicePurpose, profileSchema } from './profile-schema.ts';
import { type KeyKind, keyKinds } from './public-key.ts';

/** As an operator writes it. Durations are seconds, or a number with s, m, h, d or y: `90d`. */
export interface ProfileDocument {
  readonly name: string;
  readonly description?: string | undefined;
  readonly validity: string | number;
  /** How far notBefore lies in the past, for devices whose clocks run behind; 60 s where absent. */
  readonly backdate?: string | number | undefined;
  /** From which part of the life on devices are told to renew, such as `50%`; two thirds where absent. */
  readonly renewAfter?: string | undefined;
  /** All kinds where absent. */
  readonly keys?: readonly KeyKind[] | undefined;
  /** Whether Gatehouse may make a device's private key and send it to the device (EST's serverkeygen); no where absent. */
  readonly serverKeygen?: boolean | undefined;
  /** clientAuth, which the broker asks for, is always among them; it alone where absent. */
  readonly extendedKeyUsage?: readonly DevicePurpose[] | undefined;
  /** What the subject has besides the CN, which is always the device's ID. Templates: core/template.ts. */
  readonly subject?: Readonly<Partial<Record<SubjectField, string | undefined>>> | undefined;
  /** Templates. */
  readonly subjectAltNames?:
    | { readonly uri?: readonly string[] | undefined; readonly dns?: readonly string[] | undefined }
    | undefined;
}

/** A profile that was checked. Durations are milliseconds. */
export interface Profile extends NameTemplates {
  readonly name: EntityName;
  readonly validity: number;
  readonly backdate: number;
  /** A part of the certificate's life, between 0 and 1. */
  readonly renewAfter: number;
  readonly keys: readonly KeyKind[];
  readonly serverKeygen: boolean;
  readonly extendedKeyUsage: readonly DevicePurpose[];
}

export const defaultProfile: ProfileDocument = {
  name: 'device',
  description: 'devices: 90 days, any accepted key',
  validity: '90d',
  backdate: '60s',
  keys: [...keyKinds],
};

/**
 * @param document a `ProfileDocument`, not known to be one
 * @throws GatehouseError `profile_invalid`, naming the field; `name_invalid`
 */
export function parseProfile(document: unknown): Profile {
  const result = profileSchema.safeParse(document);
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = issue?.path.join('.') ?? '';
    throw new GatehouseError('profile_invalid', `${field === '' ? '' : `${field}: `}${issue?.message}`);
  }
  const { description: _forPeople, name, ...rules } = result.data;
  return { ...rules, name: parseEntityName(name) };
}
