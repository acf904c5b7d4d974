/** The document's table of whom each program lets in without a list, with one that is out of date, and without OCSP. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createRelyingParty, type RelyingParty } from './relying-party.ts';
import { servers } from './servers.ts';

const DAY = 86_400_000;
/** Where nobody listens. */
const NOBODY = 'http://127.0.0.1:1';
const document = readFileSync(resolve(import.meta.dirname, '../../docs/relying-parties.md'), 'utf8');
const [, table = ''] = document.split('## When something is missing');
const rows = [...table.matchAll(/^\| ([^|-][^|]*) \|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)].map((row) =>
  row.slice(1).map((cell) => cell.trim().replaceAll('`', '')),
);

type Missing = 'no list' | 'old list' | 'no OCSP';
const columns: readonly Missing[] = ['no list', 'old list', 'no OCSP'];

interface Judge {
  readonly programs: readonly string[];
  admits(party: RelyingParty): Promise<boolean>;
}

const command = (program: string, script: string): Judge => ({
  programs: [program],
  admits: ({ shell }) =>
    shell(script).then(
      () => true,
      () => false,
    ),
});
const server = ({ programs, start, admits }: (typeof servers)[keyof typeof servers]): Judge => ({
  programs,
  async admits(party) {
    await start(party);
    return admits(party, 'pump-7');
  },
});

const ISSUER = `awk '/BEGIN/ { n++ } n == 2' pump-7.pem > issuer.pem`;
const judges: Readonly<Record<string, Judge>> = {
  'openssl verify': command(
    'openssl',
    'openssl verify -crl_check_all -CRLfile crls.pem -CAfile root.pem -untrusted pump-7.pem pump-7.pem',
  ),
  'openssl ocsp': command(
    'openssl',
    `${ISSUER}; openssl ocsp -issuer issuer.pem -cert pump-7.pem -CAfile root.pem -url "$STATUS_URL/ocsp"`,
  ),
  'certtool --verify': command(
    'certtool',
    'certtool --verify --load-ca-certificate root.pem --load-crl crls.pem --infile pump-7.pem',
  ),
  'pki --verify, by its exit code': command(
    'pki',
    `${ISSUER}; awk '/BEGIN/ { n++ } { print > ("crl-" n ".pem") }' crls.pem
     pki --verify --in pump-7.pem --cacert root.pem --cacert issuer.pem $(printf -- '--crl %s ' crl-*.pem)`,
  ),
  Mosquitto: server(servers.Mosquitto),
  'nginx, ssl_crl': server(servers['nginx, ssl_crl']),
  'nginx, ssl_ocsp': server(servers['nginx, ssl_ocsp']),
  'Node.js': server(servers['Node.js']),
  Python: server(servers.Python),
};

describe('what the document says of lists that are missing', () => {
  const folder = temporaryFolder();
  const parties: RelyingParty[] = [];
  /** As the clocks of the programs have it, what this one publishes ran out a day ago. */
  const clock = { now: () => Date.now() - 2 * DAY };
  let service: TestEnroll;
  let pump: Holder;
  beforeAll(async () => {
    service = await startTestEnroll(folder, {}, clock);
    pump = await enrollHolder(service, 'pump-7');
  });
  afterAll(async () => {
    for (const party of parties) await party.close();
    await service.close();
  });

  async function lacking(what: Missing, name: string): Promise<RelyingParty> {
    const statusUrl = what === 'no OCSP' ? NOBODY : service.statusUrl;
    const party = await createRelyingParty(join(folder, name.replace(/\W/g, '-')), { ...service, statusUrl });
    parties.push(party);
    party.keep(pump);
    // Nothing else is wrong with it.
    await party.shell('openssl verify -CAfile root.pem -untrusted pump-7.pem pump-7.pem');
    const bundle = await (await fetch(`${service.statusUrl}/crl/bundle.pem`)).text();
    // The root's list is the first, and lasts for years.
    const [, first = ''] = /^(.*?^-----END[^\n]*\n)/ms.exec(bundle) ?? [];
    party.put('crls.pem', what === 'no list' ? first : bundle);
    return party;
  }

  it('names every program', () => {
    expect(rows.map(([name]) => name)).toEqual(Object.keys(judges));
  });

  for (const [name = '', ...cells] of rows) {
    const judge = judges[name];
    if (judge === undefined) continue;
    describeWith(['bash', 'openssl', 'curl', ...judge.programs], name, () => {
      for (const [index, what] of columns.entries()) {
        const cell = cells[index];
        if (cell === undefined || cell === '') continue;
        it(`with ${what}: ${cell}`, async () => {
          const party = await lacking(what, `${name} ${what}`);
          expect(await judge.admits(party)).toBe(cell === 'everybody');
        });
      }
    });
  }
});
