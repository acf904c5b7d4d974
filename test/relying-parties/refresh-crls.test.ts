/** The document's refresh-crls.sh, against a status listener that lies to it. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { buildCrl } from '../../core/pki/crl.ts';
import { encode } from '../../core/pki/der.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import { commonNameOnly } from '../../core/pki/name.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { createKeySigner } from '../../core/pki/signer.ts';
import { createAuthority, DAY, generateKeyPair, issueDevice } from '../pki/test-authority.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createRelyingParty, type RelyingParty } from './relying-party.ts';

const now = Date.now();
const { root, issuing } = await createAuthority({ now });
/** Of the same names, and with keys of its own. */
const other = await createAuthority({ now });
const deviceKeys = generateKeyPair('ec-p256');
const device = await issueDevice({ issuer: issuing, now, keys: deviceKeys });
/** A device that signs a list in its own name. */
const byDevice: Issuer = {
  certificate: { ...issuing.certificate, subjectDer: encode(commonNameOnly('press-7')) },
  signer: createKeySigner(deviceKeys.privateKey),
};

async function list(issuer: Issuer, number: bigint): Promise<string> {
  const terms = { number, thisUpdate: now, nextUpdate: now + DAY };
  return encodePem('X509 CRL', await buildCrl({ issuer, ...terms, revoked: [] }));
}
const vouched = issuing.certificate.pem;
const ofRoot = await list(root, 1n);
const ofIssuing = await list(issuing, 5n);
const forged = await list(other.issuing, 9n);
const ofDevice = await list(byDevice, 9n);

describeWith(['bash', 'curl', 'openssl', 'awk'], 'refresh-crls.sh', () => {
  const folder = temporaryFolder();
  const served = new Map<string, string>();
  const listener = createServer(({ url = '' }, response) => {
    const body = served.get(url);
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  let party: RelyingParty;
  beforeAll(async () => {
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    const statusUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    party = await createRelyingParty(folder, {
      ca: root.certificate.pem,
      statusUrl,
      enrollUrl: statusUrl,
    });
    party.install('refresh-crls.sh');
    serve(ofRoot + ofIssuing);
  });
  afterAll(() => {
    listener.close();
  });

  function serve(bundle: string, intermediates = vouched): void {
    served.set('/crl/bundle.pem', bundle).set('/ca/intermediates.pem', intermediates);
  }
  const inPlace = () => readFileSync(join(folder, 'crls.pem'), 'utf8');
  const hasRun = () => existsSync(join(folder, 'ran'));
  const refresh = (command = 'touch ran') => party.shell(`rm -f ran; sh refresh-crls.sh ${command}`);

  it('runs the command where the lists have changed, and there alone', async () => {
    await refresh();
    expect(hasRun()).toBe(true);
    expect(inPlace()).toBe(ofRoot + ofIssuing);
    await refresh();
    expect(hasRun()).toBe(false);
    const next = ofRoot + (await list(issuing, 6n));
    serve(next);
    await refresh();
    expect(hasRun()).toBe(true);
    expect(inPlace()).toBe(next);
  });

  it('runs the command again after it has failed', async () => {
    serve(ofRoot + (await list(issuing, 7n)));
    await expect(refresh('false')).rejects.toThrow();
    await refresh();
    expect(hasRun()).toBe(true);
    await refresh();
    expect(hasRun()).toBe(false);
  });

  it.each([
    ['a list that is older than the one in place', ofRoot + ofIssuing, vouched],
    ['a list signed by another CA of the same name', ofRoot + forged, vouched],
    [
      'a list of a CA that the root does not vouch for',
      ofRoot + forged,
      vouched + other.issuing.certificate.pem,
    ],
    ['a list signed by a device', ofRoot + ofDevice, vouched + device.pem],
    ['half a list', ofRoot + ofIssuing.slice(0, 200), vouched],
    ['no list', '', vouched],
    ['something else', '<html>Sign in to the network</html>', vouched],
  ])('leaves everything as it is where it is given %s', async (_name, bundle, intermediates) => {
    const before = inPlace();
    serve(bundle, intermediates);
    await expect(refresh()).rejects.toThrow(/the lists stay as they are/);
    expect(hasRun()).toBe(false);
    expect(inPlace()).toBe(before);
  });

  it('leaves everything as it is where nobody answers as expected, and nothing lies about', async () => {
    const before = inPlace();
    served.clear();
    await expect(refresh()).rejects.toThrow(/404/);
    expect(hasRun()).toBe(false);
    expect(inPlace()).toBe(before);
    expect(readdirSync(folder).filter((name) => name.startsWith('refresh.'))).toEqual([]);
  });
});
