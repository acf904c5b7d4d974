/** A relying party through the rollovers of the CA: nginx by lists, brought up to date by the document's commands alone. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { IssuerView } from '../../core/api/issuers.ts';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createRelyingParty, type RelyingParty, revoke } from './relying-party.ts';
import { servers } from './servers.ts';

const { start, admits, programs } = servers['nginx, ssl_crl'];

describeWith(['bash', 'openssl', ...programs], 'a relying party', () => {
  const folder = temporaryFolder();
  let service: TestEnroll;
  let party: RelyingParty;
  let first: Holder;
  beforeAll(async () => {
    service = await startTestEnroll(folder);
    party = await createRelyingParty(join(folder, 'party'), service);
    party.install('refresh-crls.sh');
    first = await enrolled('first');
    await party.shell('sh refresh-crls.sh');
    await start(party);
  });
  afterAll(async () => {
    await party?.close();
    await service.close();
  });

  async function enrolled(id: string): Promise<Holder> {
    const device = await enrollHolder(service, id);
    party.keep(device);
    return device;
  }
  const refresh = () => party.shell('sh refresh-crls.sh systemctl reload nginx');
  const admitted = async (...ids: string[]) => {
    for (const id of ids) await eventually(() => admits(party, id));
  };

  it('admits devices of a new issuing CA from its next refresh on, and those of the old one still', async () => {
    await service.operator('POST', '/issuers/rotate', {});
    await enrolled('second');
    expect(await admits(party, 'second')).toBe(false);
    await refresh();
    await admitted('first', 'second');
  });

  it('admits devices below a new root while it knows the old one alone', async () => {
    await service.operator('POST', '/issuers/rotate', { root: true });
    await enrolled('third');
    await refresh();
    await admitted('first', 'second', 'third');
  });

  it('takes in the new root by the old one, and can do without that from then on', async () => {
    const takeIn = () => party.recipe('When a CA is rolled over')();
    await takeIn();
    await party.shell(
      `awk '/BEGIN/ { n++ } n == 2' root.pem > new && mv new root.pem; systemctl reload nginx`,
    );
    await eventually(async () => !(await admits(party, 'first')));
    await admitted('third');
    await takeIn();
    await party.shell('systemctl reload nginx');
    await admitted('first', 'second', 'third');
  });

  it('refuses a device of the old CA that is revoked, and that one alone', async () => {
    const other = await enrolled('fourth');
    await revoke(service, first);
    await refresh();
    await eventually(async () => !(await admits(party, 'first')));
    await admitted('second', 'third', other.deviceId);
  });

  it('refuses what an issuing CA has issued that was retired, even where no root can name it', async () => {
    for (const name of readdirSync(service.layout.ca.folder).filter((name) => name.startsWith('root-'))) {
      rmSync(join(service.layout.ca.folder, name));
    }
    const { body } = await service.operator<{ items: IssuerView[] }>('GET', '/issuers');
    const [, secondCa] = body.items.filter(({ kind }) => kind === 'issuing');
    const answer = await service.operator('POST', `/issuers/${secondCa?.fingerprint}/retire`, { lockOut: 1 });
    expect(answer.status).toBe(200);
    await refresh();
    await eventually(async () => !(await admits(party, 'second')));
    await admitted('third');
  });
});
