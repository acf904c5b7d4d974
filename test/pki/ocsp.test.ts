/** OCSP responses, and what openssl and GnuTLS think of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encode, objectIdentifier, sequence } from '../../core/pki/der.ts';
import {
  buildOcspRefusal,
  buildOcspRequest,
  buildOcspResponse,
  type CertId,
  isAboutIssuer,
  type OcspStatus,
  parseOcspRequest,
} from '../../core/pki/ocsp.ts';
import { readStaple } from '../../core/pki/ocsp-staple.ts';
import { oids } from '../../core/pki/oids.ts';
import { describeWith } from '../support/external.ts';
import { certId, requestOf } from '../support/ocsp.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './command.ts';
import {
  device,
  issuing,
  now,
  ours,
  responder,
  responderCertificate,
  root,
  serialNumber,
  times,
} from './ocsp-parties.ts';
import { SECOND } from './test-authority.ts';

describe('a refusal', () => {
  it('is its status alone (RFC 6960 §4.2.1)', () => {
    const statuses = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;
    for (const [refused, number] of Object.entries(statuses)) {
      const der = buildOcspRefusal(refused as keyof typeof statuses);
      expect(Buffer.from(der).toString('hex')).toBe(`30030a010${number}`);
    }
  });
});

describe('a response', () => {
  const [id] = parseOcspRequest(requestOf([sequence(certId('sha1', serialNumber, issuing))])).certIds as [
    CertId,
  ];
  const build = (status: OcspStatus, nonce: Uint8Array | null = null) =>
    buildOcspResponse({ responder, answers: [{ certId: id, status }], nonce, ...times });

  it('repeats the CertID and the nonce as they came, and brings its certificate along', async () => {
    const nonce = Buffer.alloc(32, 9);
    const der = Buffer.from(await build({ status: 'good' }, nonce));
    expect(der.includes(Buffer.from(id.der))).toBe(true);
    expect(der.includes(Buffer.concat([Buffer.of(0x04, 0x22, 0x04, 0x20), nonce]))).toBe(true);
    expect(der.includes(Buffer.from(responderCertificate.der))).toBe(true);
  });

  it('has no nonce where the request had none', async () => {
    const oid = Buffer.from(encode(objectIdentifier(oids.ocspNonce)));
    expect(Buffer.from(await build({ status: 'good' })).includes(oid)).toBe(false);
    expect(Buffer.from(await build({ status: 'good' }, Buffer.alloc(1))).includes(oid)).toBe(true);
  });
});

describe('a response read back, to be stapled', () => {
  const [id, other] = parseOcspRequest(
    requestOf([sequence(certId('sha1', serialNumber, issuing)), sequence(certId('sha256', 5n, issuing))]),
  ).certIds as [CertId, CertId];
  const good = { status: 'good' } as const;
  const revoked = { status: 'revoked', revokedAt: now, reason: 'keyCompromise' } as const;
  const whole = (time: number) => time - (time % SECOND);

  it.each([good, revoked, { status: 'unknown' } as const])(
    'tells of whom and how long: %j',
    async (status) => {
      for (const nonce of [null, Buffer.alloc(8)]) {
        const der = await buildOcspResponse({
          responder,
          answers: [{ certId: id, status }],
          nonce,
          ...times,
        });
        const [thisUpdate, nextUpdate] = [whole(times.thisUpdate), whole(times.nextUpdate)];
        expect(readStaple(der)).toEqual({ der, serialNumber: device.serialNumber, thisUpdate, nextUpdate });
      }
    },
  );

  it('is nothing to staple where it is a refusal, or about two certificates, or no response', async () => {
    const answers = [id, other].map((asked) => ({ certId: asked, status: good }));
    const about = (asked: typeof answers) =>
      buildOcspResponse({ responder, answers: asked, nonce: null, ...times });
    const one = await about(answers.slice(0, 1));
    const none = [await about(answers), await about([]), Buffer.alloc(0), Buffer.concat([one, Buffer.of(0)])];
    for (const der of [...none, buildOcspRefusal('tryLater')]) expect(readStaple(der)).toBeUndefined();
  });

  it('is read or is nothing, whatever bytes come', async () => {
    const sound = Buffer.from(
      await buildOcspResponse({ responder, answers: [{ certId: id, status: good }], nonce: null, ...times }),
    );
    const change = fc.tuple(fc.nat(sound.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (list) => {
        const changed = Buffer.from(sound);
        for (const [at, octet] of list) changed[at] = octet;
        const staple = readStaple(changed);
        expect(staple === undefined || staple.nextUpdate > 0).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describeWith(['openssl'], 'openssl, asking', () => {
  const folder = temporaryFolder();
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);
  write('root.pem', root.certificate.pem);
  write('issuing.pem', issuing.certificate.pem);
  write('device.pem', device.pem);
  write('responder.pem', responderCertificate.pem);
  const about = ['-issuer', 'issuing.pem', '-cert', 'device.pem'];
  const trust = ['-CAfile', 'root.pem', '-verify_other', 'issuing.pem'];

  const answers: readonly (readonly [OcspStatus, string])[] = [
    [{ status: 'good' }, 'device.pem: good'],
    [{ status: 'revoked', revokedAt: now - SECOND, reason: 'certificateHold' }, 'Reason: certificateHold'],
    [{ status: 'revoked', revokedAt: now - SECOND, reason: 'unspecified' }, 'device.pem: revoked'],
    [{ status: 'unknown' }, 'device.pem: unknown'],
  ];
  for (const digest of ['sha1', 'sha256']) {
    for (const [status, text] of answers) {
      it(`by ${digest} understands "${text}" and finds the signature good`, async () => {
        expect(
          run(folder, 'openssl', 'ocsp', `-${digest}`, ...about, '-no_nonce', '-reqout', 'request').status,
        ).toBe(0);
        await answer(status);
        const { output } = run(
          folder,
          'openssl',
          'ocsp',
          '-respin',
          'response',
          `-${digest}`,
          ...about,
          '-no_nonce',
          ...trust,
        );
        expect(output).toContain(text);
        expect(output).toContain('Response verify OK');
      });
    }
  }

  it('asks as we do, byte by byte', () => {
    expect(run(folder, 'openssl', 'ocsp', ...about, '-no_nonce', '-reqout', 'request').status).toBe(0);
    const own = buildOcspRequest(issuing.certificate, device.serialNumber);
    expect(readFileSync(join(folder, 'request'))).toEqual(Buffer.from(own));
  });

  it('finds its nonce again, and not another one', async () => {
    run(folder, 'openssl', 'ocsp', ...about, '-reqout', 'request');
    await answer({ status: 'good' });
    const check = ['ocsp', '-reqin', 'request', '-respin', 'response', ...trust];
    expect(run(folder, 'openssl', ...check)).toMatchObject({
      status: 0,
      output: expect.stringContaining('Response verify OK'),
    });
    run(folder, 'openssl', 'ocsp', ...about, '-reqout', 'request');
    expect(run(folder, 'openssl', ...check).output).toContain('Nonce Verify error');
  });

  it('accepts the responder as one', () => {
    const verify = [
      'verify',
      '-x509_strict',
      '-purpose',
      'ocsphelper',
      '-CAfile',
      'root.pem',
      '-untrusted',
      'issuing.pem',
    ];
    expect(run(folder, 'openssl', ...verify, 'responder.pem').status).toBe(0);
  });

  describeWith(['ocsptool'], 'GnuTLS, asking', () => {
    it('finds the response good, nonce and all', async () => {
      const request = [
        '--generate-request',
        '--load-cert',
        'device.pem',
        '--load-issuer',
        'issuing.pem',
        '--nonce',
      ];
      expect(run(folder, 'ocsptool', ...request, '--outder', '--outfile', 'request').status).toBe(0);
      await answer({ status: 'good' });
      const check = ['--verify-response', '--load-response', 'response', '--load-trust', 'issuing.pem'];
      expect(run(folder, 'ocsptool', ...check)).toMatchObject({
        status: 0,
        output: expect.stringContaining('Success'),
      });
    });
  });

  /** Answers the file `request` in the file `response`, as a responder would. */
  async function answer(status: OcspStatus): Promise<void> {
    const { certIds, nonce } = parseOcspRequest(readFileSync(join(folder, 'request')));
    expect(certIds.every((asked) => isAboutIssuer(asked, ours))).toBe(true);
    const asked = certIds.map((each) => ({ certId: each, status }));
    write('response', await buildOcspResponse({ responder, answers: asked, nonce, ...times }));
  }
});
