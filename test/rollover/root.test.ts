/**
 * A new root beside the old one, judged by others: whoever trusts the one or the other verifies the servers, and the
 * devices of either. Then the end of the old root.
 */
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CaRotation, IssuerView } from '../../core/api/issuers.ts';
import { askRenewal, enrollHolder, type Holder, renewed, untilStatus } from '../enrollment/renewing.ts';
import { certificatesIn } from '../est/certificates-in.ts';
import { callEst } from '../est/est-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Gate } from './gate.ts';
import { shellIn } from './shell.ts';

const folder = temporaryFolder();
const shell = shellIn(folder);
const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
let gate: Gate;
let oldRoot: IssuerView;
let oldIssuing: IssuerView;
let rotation: CaRotation;
let old: Holder;
let young: Holder;
beforeAll(async () => {
  gate = await Gate.open(folder);
  old = await enrollHolder(gate.enroll, 'old');
  const client = await gate.connect(old);
  const closed: unknown[] = [];
  client.once('close', () => closed.push('closed'));
  rotation = await gate.rotate({ root: true });
  await client.publishAsync('devices/old/telemetry', '1', { qos: 1 });
  expect(closed).toEqual([]);
  await client.endAsync();
  oldRoot = await gate.issuer('root', 'retiring');
  oldIssuing = await gate.issuer('issuing', 'retiring');
  young = await enrollHolder(gate.enroll, 'young');

  put('old-root.pem', oldRoot.pem);
  put('new-root.pem', newRoot().pem);
  for (const holder of [old, young]) {
    put(`${holder.deviceId}.key`, holder.key);
    put(`${holder.deviceId}.pem`, holder.certificate);
    put(`${holder.deviceId}-chain.pem`, holder.cert);
  }
  const cross = await crossCertificates();
  put('old-with-new.pem', cross.oldWithNew);
  put('new-with-old.pem', cross.newWithOld);
  put('old-issuing.pem', oldIssuing.pem);
  put('new-issuing.pem', rotation.issuing.pem);
  put('old-up-to-new.pem', old.cert + cross.oldWithNew);
  put('crls.pem', await allCrls());
});
afterAll(() => gate.close());

function newRoot(): IssuerView {
  if (rotation.root === null) throw new Error('the root stayed');
  return rotation.root;
}

async function crossCertificates() {
  const keyOf = ({ pem }: IssuerView) => new X509Certificate(pem).publicKey;
  const all = certificatesIn((await callEst(gate.enroll, { path: '/cacerts' })).body);
  const find = (of: IssuerView, by: IssuerView) =>
    all.find((one) => one.publicKey.equals(keyOf(of)) && one.verify(keyOf(by)))?.toString() ?? '';
  return { oldWithNew: find(oldRoot, newRoot()), newWithOld: find(newRoot(), oldRoot) };
}

async function allCrls(): Promise<string> {
  const issuers = await gate.issuers();
  const url = (fingerprint: string) => `${gate.enroll.statusUrl}/crl/${fingerprint}.pem`;
  const crls = await Promise.all(
    issuers.map(async ({ fingerprint }) => (await gate.enroll.call<string>(url(fingerprint))).body),
  );
  return crls.join('');
}

/** Resolves when the listener of devices serves its new chain. */
const servedChain = async (length: number): Promise<string> => {
  const port = String(new URL(gate.enroll.enrollUrl).port);
  return eventually(async () => {
    const text = await shell(
      'openssl s_client -connect 127.0.0.1:$PORT -servername localhost -showcerts </dev/null 2>/dev/null || true',
      { PORT: port },
    );
    const chain = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
    return chain.length === length ? chain.join('') : undefined;
  });
};

describe('both roots', () => {
  it('bear one name, and are told apart by their key identifiers', () => {
    expect(newRoot().subject).toBe(oldRoot.subject);
    expect(newRoot().fingerprint).not.toBe(oldRoot.fingerprint);
    const [one, other] = [oldRoot, newRoot()].map(({ pem }) => new X509Certificate(pem));
    expect(one && other?.checkIssued(one)).toBe(false);
  });

  it('are what devices are to trust, at /v1/ca and in the file', async () => {
    const { body } = await gate.enroll.call<string>(`${gate.enroll.enrollUrl}/v1/ca`);
    expect(body).toBe(oldRoot.pem + newRoot().pem);
  });

  it('are in cacerts with all that leads from the one to the other', async () => {
    const { body } = await callEst(gate.enroll, { path: '/cacerts' });
    const certificates = certificatesIn(body);
    const { oldWithNew, newWithOld } = await crossCertificates();
    const expected = [
      oldRoot.pem,
      newRoot().pem,
      oldIssuing.pem,
      rotation.issuing.pem,
      oldWithNew,
      newWithOld,
    ];
    expect(certificates.map(String).toSorted()).toEqual(expected.toSorted());
  });

  it.each(['old', 'new'])('is enough by itself to trust the listeners: the %s one', async (which) => {
    await servedChain(3);
    const ca = which === 'old' ? oldRoot.pem : newRoot().pem;
    for (const port of [gate.port, Number(new URL(gate.enroll.enrollUrl).port)]) {
      const serves = await eventually(
        () =>
          new Promise<boolean>((resolve) => {
            const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', ca }, () => {
              resolve(socket.authorized);
              socket.destroy();
            }).once('error', () => resolve(false));
          }),
      );
      expect(serves).toBe(true);
    }
  });

  it('and devices of either CA are admitted, with the CA certificates sent along or not', async () => {
    for (const holder of [old, young]) {
      for (const cert of [holder.cert, holder.certificate]) {
        await (await gate.connect({ ...holder, cert })).endAsync();
      }
    }
  });

  it('a device that trusts the old one alone can verify what it is given', () => {
    expect(young.chain).toContain(rotation.issuing.pem);
    expect(young.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });
});

/** What to verify, with which root, and what may be used on the way. */
const PATHS = [
  ['a listener, with the old root', 'old-root.pem', 'server-chain.pem'],
  ['a listener, with the new root', 'new-root.pem', 'server-chain.pem'],
  ['a new device, with the old root', 'old-root.pem', 'young-chain.pem'],
  ['a new device, with the new root', 'new-root.pem', 'young-chain.pem'],
  ['an old device, with the old root', 'old-root.pem', 'old-chain.pem'],
  ['an old device, with the new root', 'new-root.pem', 'old-up-to-new.pem'],
] as const;

describeWith(['bash', 'openssl', 'certtool', 'pki', 'curl'], 'others verify', () => {
  beforeAll(async () => put('server-chain.pem', await servedChain(3)));

  it.each(PATHS)('openssl: %s', async (_what, root, chain) => {
    const output = await shell(
      'openssl verify -x509_strict -CAfile $ROOT -untrusted $CHAIN $CHAIN\n' +
        'openssl verify -crl_check_all -CRLfile crls.pem -CAfile $ROOT -untrusted $CHAIN $CHAIN',
      { ROOT: root, CHAIN: chain },
    );
    expect(output).toBe(`${chain}: OK\n${chain}: OK\n`);
  });

  it.each(PATHS)('GnuTLS: %s', async (_what, root, chain) => {
    const output = await shell('certtool --verify --load-ca-certificate $ROOT --infile $CHAIN', {
      ROOT: root,
      CHAIN: chain,
    });
    expect(output).toMatch(/Chain verification output: Verified\. The certificate is trusted\./);
  });

  it.each(PATHS)('strongSwan: %s', async (_what, root, chain) => {
    const script = `
      rm -rf parts && mkdir parts && cd parts
      csplit --quiet --elide-empty --suffix-format %d.pem ../$CHAIN '/BEGIN CERTIFICATE/' '{*}'
      between=$(ls xx*.pem | tail -n +2 | sed 's/^/--cacert /')
      pki --verify --in xx0.pem $between --cacert ../$ROOT`;
    expect(await shell(script, { ROOT: root, CHAIN: chain })).toMatch('certificate trusted, lifetimes valid');
  });

  it.each(['old', 'new'])(
    "strongSwan's EST client with the %s root gets all CA certificates, enrolls and re-enrolls",
    async (which) => {
      const id = `swan-${which}`;
      const issuing = '--cacert ../new-issuing.pem';
      const between = which === 'old' ? `${issuing} --cacert ../new-with-old.pem` : issuing;
      const { token } = await gate.enroll.createToken({ device: id });
      const output = await shell(
        `
      mkdir -p $ID && cd $ID
      pki --estca --url "$URL" --cacert ../$ROOT --caout ca.pem --outform pem --force
      openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout d.key -subj "/CN=$ID" \
        -outform DER -out d.csr
      pki --est --url "$URL" --cacert ../$ROOT $BETWEEN --in d.csr --userpass "$ID:$TOKEN" --outform pem > d.pem
      pki --est --url "$URL" --cacert ../$ROOT $BETWEEN --in d.csr --cert d.pem --key d.key --outform pem > d-2.pem
      openssl verify -CAfile ../$ROOT -untrusted ../new-issuing.pem -untrusted ../new-with-old.pem d-2.pem
      cat ca*.pem > all.pem
      `,
        { ID: id, TOKEN: token, ROOT: `${which}-root.pem`, BETWEEN: between, URL: gate.enroll.enrollUrl },
      );
      expect(output).toContain('d-2.pem: OK');
      const got = await shell(`cat ${id}/all.pem`);
      expect(got.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThanOrEqual(6);
    },
  );

  it.each(['old', 'new'])(
    'curl with the %s root alone renews an old device onto the new CA',
    async (which) => {
      const output = await shell(
        `
      openssl req -new -key old.key -subj /CN=old -out old.csr
      curl --silent --show-error --fail-with-body --cacert $ROOT --cert old-chain.pem --key old.key "$URL/v1/renew" \
        --header 'Content-Type: application/pkcs10' --header 'Accept: application/pem-certificate-chain' \
        --data-binary @old.csr --output renewed.pem
      openssl verify -CAfile $ROOT -untrusted renewed.pem renewed.pem
      `,
        { ROOT: `${which}-root.pem`, URL: gate.enroll.enrollUrl },
      );
      expect(output).toContain('renewed.pem: OK');
    },
  );
});

describe('the end of the old root', () => {
  it('does not come before that of the issuing CAs below it', async () => {
    const { status, body } = await gate.retire(oldRoot);
    expect([status, body.code]).toEqual([409, 'issuer_needed']);
    expect(body.detail).toContain(oldIssuing.subject);
  });

  it('takes with it what it certified and what certified it', async () => {
    const next = await renewed(gate.enroll, old).catch(async () => (await askRenewal(gate.enroll, old)).body);
    const holder = { ...old, ...next, cert: next.certificate + next.chain };
    await (await gate.connect(holder)).endAsync();
    await untilStatus(gate.enroll, old, 'superseded');
    for (const issuer of [oldIssuing, oldRoot]) {
      const { status, body } = await gate.retire(issuer);
      expect([status, body.lockedOut, body.listedByRoot]).toEqual([200, 0, true]);
    }
    const { body: anchors } = await gate.enroll.call<string>(`${gate.enroll.enrollUrl}/v1/ca`);
    expect(anchors).toBe(newRoot().pem);
    const { body } = await callEst(gate.enroll, { path: '/cacerts', tls: { ca: newRoot().pem } });
    expect(certificatesIn(body).map(String).toSorted()).toEqual(
      [newRoot().pem, rotation.issuing.pem].toSorted(),
    );
    expect((await servedChain(2)).split('-----BEGIN').length).toBe(3);
    await (await gate.connect(holder, { ca: newRoot().pem })).endAsync();
  });

  it('is told others by CRL: what it certified is revoked under the new root too', async () => {
    put('crls.pem', await allCrls());
    for (const root of ['old-root.pem', 'new-root.pem']) {
      const script =
        '! openssl verify -crl_check_all -CRLfile crls.pem -CAfile $ROOT -untrusted old-with-new.pem old-issuing.pem';
      expect(await shell(script, { ROOT: root })).toMatch('error 23 at 0 depth lookup: certificate revoked');
    }
    const url = `${gate.enroll.statusUrl}/crl/${newRoot().fingerprint}.pem`;
    put('new-root.crl', (await gate.enroll.call<string>(url)).body);
    const listed = await shell('openssl crl -in new-root.crl -noout -text');
    const serial = new X509Certificate(Buffer.from(await shell('cat old-with-new.pem'))).serialNumber;
    expect(listed).toMatch(new RegExp(`Serial Number: ${serial}[\\s\\S]*Superseded`));
  });

  it('and a restart leaves it so', async () => {
    await gate.restart();
    const { body } = await gate.enroll.call<string>(`${gate.enroll.enrollUrl}/v1/ca`);
    expect(body).toBe(newRoot().pem);
    await (await gate.connect(young)).endAsync();
  });
});
