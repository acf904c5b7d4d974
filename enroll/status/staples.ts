/**
 * Keeps beside each listener's certificate what OCSP says of it, for the listener to staple: looked at every minute,
 * written when there is something new. Answers are signed anew every few minutes and last an hour, so a restart of this
 * process leaves the listeners with one that is good for most of that.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseSerialNumber } from '../../core/ids.ts';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import { buildOcspRequest } from '../../core/pki/ocsp.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import { writeFileAtomic } from '../../runtime/atomic-file.ts';
import type { DataLayout } from '../../runtime/layout.ts';
import type { Logger } from '../../runtime/log.ts';
import type { OcspResponder } from './ocsp-responder.ts';

const CHECK_MS = 60_000;
const ROLES = ['enroll', 'broker'] as const;

export interface StaplesContext {
  readonly registry: Pick<RegistryReader, 'statusRecord' | 'issuer'>;
  readonly ocsp: OcspResponder;
  readonly layout: DataLayout;
  readonly log: Logger;
}

export interface StapleKeeper {
  /** Brings the files in step with the certificates, and with what OCSP says of them now. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** Resolves when they were looked at once. What fails is logged, and tried again: a listener can do without. */
export async function keepStaples({ registry, ocsp, layout, log }: StaplesContext): Promise<StapleKeeper> {
  const written = new Map<string, Buffer>();

  async function refreshOne(role: (typeof ROLES)[number]): Promise<void> {
    const request = await requestAbout(registry, layout.tls[role]);
    const answered = request && (await ocsp.answer(request));
    // What there is may still be in time; the listener looks.
    if (!answered?.shared) throw new Error(`OCSP has no answer for the certificate in ${layout.tls[role]}`);
    const { der } = answered;
    if (written.get(role)?.equals(der)) return;
    await writeFileAtomic(layout.staples[role], der, 0o644);
    written.set(role, der);
  }

  async function refreshAll(): Promise<void> {
    for (const role of ROLES) {
      try {
        await refreshOne(role);
      } catch (error) {
        log.error({ err: error, listener: role }, 'the answer to be stapled could not be renewed');
      }
    }
  }

  let last: Promise<void> = Promise.resolve();
  const refresh = () => {
    last = last.then(refreshAll);
    return last;
  };
  await refresh();
  const timer = setInterval(() => void refresh(), CHECK_MS).unref();
  return {
    refresh,
    close() {
      clearInterval(timer);
      return last;
    },
  };
}

/** @returns undefined where the registry does not know the certificate @throws Error where there is none in the file */
async function requestAbout(
  registry: StaplesContext['registry'],
  bundle: string,
): Promise<Buffer | undefined> {
  const serialNumber = parseSerialNumber(new X509Certificate(await readFile(bundle)).serialNumber);
  const record = await registry.statusRecord(serialNumber);
  const issuer = record && (await registry.issuer(record.issuer));
  return issuer && Buffer.from(buildOcspRequest(parseCaCertificate(issuer.der), serialNumber));
}
