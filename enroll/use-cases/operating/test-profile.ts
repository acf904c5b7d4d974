/**
 * The dry run of a profile: it issues a certificate, to a device or to one that is made up, and shows it. The CA is
 * made for this one and thrown away with its key: what the real CA signs is in the registry, without exception.
 */
import { generateKeyPairSync } from 'node:crypto';
import type { ProfileTestResult } from '../../../core/api/profiles.ts';
import { GatehouseError } from '../../../core/errors.ts';
import { type DeviceId, parseDeviceId, parseEntityName } from '../../../core/ids.ts';
import { type CaCertificate, parseCaCertificate } from '../../../core/pki/certificate.ts';
import { readCertifiedNames } from '../../../core/pki/certified-names.ts';
import { templatesOf } from '../../../core/pki/device-names.ts';
import {
  DEVICE_KEY_USAGE,
  type Issuer,
  issueDeviceCertificate,
  issueRootCertificate,
} from '../../../core/pki/issue.ts';
import { type Profile, parseProfile } from '../../../core/pki/profile.ts';
import { publicKeyOf } from '../../../core/pki/public-key.ts';
import { renewAfter } from '../../../core/pki/renewal.ts';
import { signingKeyOf } from '../../../core/pki/signer.ts';
import { attributeOf, type TemplateSubject, variablesOf } from '../../../core/template.ts';
import type { EnrollContext } from '../../context.ts';
import { generatePrivateKey } from '../../key-pair.ts';
import { deviceOrRefuse } from '../look-ups.ts';

const EXAMPLE_CA = 'Gatehouse Example CA, not to be trusted';
const EXAMPLE = 'example';
/** ISO 3166-1 leaves it to its users, so it is no country. */
const EXAMPLE_COUNTRY = 'XX';

export interface ProfileTest {
  readonly document: unknown;
  /** Where absent, a device is made up that has every attribute that the profile asks for. */
  readonly device?: DeviceId | undefined;
}

/**
 * @throws GatehouseError `profile_invalid`, also where not even the made-up device could have a certificate;
 *   `name_invalid`, `device_unknown`, and with a device `attribute_missing`, `certificate_name_invalid`
 */
export async function testProfile(
  context: EnrollContext,
  { document, device }: ProfileTest,
): Promise<ProfileTestResult> {
  const profile = parseProfile(document);
  if (device !== undefined) {
    return exampleFor(context, profile, await deviceOrRefuse(context.registry, device), false);
  }
  try {
    return await exampleFor(context, profile, exampleDevice(profile), true);
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'certificate_name_invalid') throw error;
    throw new GatehouseError('profile_invalid', error.message, { cause: error });
  }
}

async function exampleFor(
  { issuing, clock, statusUrl, crlShards, ownHostnames }: EnrollContext,
  profile: Profile,
  device: TemplateSubject,
  madeUp: boolean,
): Promise<ProfileTestResult> {
  const now = clock.now();
  const kind = profile.keys.find((one) => one !== 'rsa') ?? 'rsa';
  const issued = await issueDeviceCertificate({
    issuer: await exampleIssuer(issuing.current().certificate),
    profile,
    device,
    publicKey: publicKeyOf(await generatePrivateKey({ kind, bits: 2048 })),
    now,
    statusUrl,
    crlShards,
    reservedHostnames: ownHostnames,
  });
  const { subject, subjectAltNames } = readCertifiedNames(issued.der);
  const wanted = attributesIn(templatesOf(profile));
  const used = Object.entries(device.attributes).filter(([name]) => wanted.includes(name));
  return {
    profile: profile.name,
    device: { id: device.id, group: device.group, madeUp },
    attributes: Object.fromEntries(used),
    subject,
    subjectAltNames: subjectAltNames ?? [],
    keyUsage: DEVICE_KEY_USAGE,
    extendedKeyUsage: profile.extendedKeyUsage,
    notBefore: iso(issued.notBefore),
    notAfter: iso(issued.notAfter),
    renewAfter: iso(renewAfter({ ...issued, issuedAt: now }, profile.renewAfter)),
    keys: profile.keys,
    serverKeygen: profile.serverKeygen,
    certificate: issued.pem,
  };
}

/** A CA of the same life as the real one, so that the example ends when the real certificate would. */
async function exampleIssuer({ notBefore, notAfter }: CaCertificate): Promise<Issuer> {
  const key = signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const life = { now: notBefore, validity: notAfter - notBefore };
  const { der } = await issueRootCertificate({ commonName: EXAMPLE_CA, key, ...life });
  return { certificate: parseCaCertificate(der), signer: key.signer };
}

function exampleDevice(profile: Profile): TemplateSubject {
  const countries = attributesIn([profile.subject.country ?? '']);
  const attributes = attributesIn(templatesOf(profile)).map((name) => [
    name,
    countries.includes(name) ? EXAMPLE_COUNTRY : EXAMPLE,
  ]);
  return {
    id: parseDeviceId(EXAMPLE),
    group: parseEntityName(EXAMPLE),
    attributes: Object.fromEntries(attributes),
  };
}

/** Names of the attributes that the templates use. */
function attributesIn(templates: readonly string[]): string[] {
  return templates.flatMap(variablesOf).flatMap((variable) => attributeOf(variable) ?? []);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
