/** Finding the server and trusting it: each way in which that fails says what to do, and gives no token away. */

import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { dataLayout } from '../../runtime/layout.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type SmallServer, startSmallServer } from './small-server.ts';
import { errorCode, explained, gatehouse } from './transcript.ts';

const folder = temporaryFolder();
const seen: (string | undefined)[] = [];
let answer: RequestListener = (_request, response) => response.end('{"items":[]}');
let server: SmallServer;
let wrongName: SmallServer;
let caFile: string;
let otherCa: string;

beforeAll(async () => {
  const listener: RequestListener = (request, response) => {
    seen.push(request.headers.authorization);
    answer(request, response);
  };
  [server, wrongName] = await Promise.all([
    startSmallServer(listener),
    startSmallServer(listener, 'elsewhere.test'),
  ]);
  caFile = join(folder, 'root.pem');
  writeFileSync(caFile, server.root);
  otherCa = join(folder, 'other.pem');
  writeFileSync(otherCa, wrongName.root);
});
afterAll(() => Promise.all([server.close(), wrongName.close()]));
afterEach(() => {
  seen.length = 0;
  answer = (_request, response) => response.end('{"items":[]}');
});

/** A data folder as a Gatehouse on this host has it. */
function dataFolder(name: string, url: string, root: string, token = 'gho_of_the_folder'): string {
  const data = join(folder, name);
  const layout = dataLayout(data);
  for (const path of [layout.operator.url, layout.rootCertificate])
    mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(layout.operator.url, `${url}\n`);
  writeFileSync(layout.operator.token, `${token}\n`);
  writeFileSync(layout.rootCertificate, root);
  return data;
}

const list = ['group', 'list'];
const nowhere = () => join(folder, 'nowhere');

describe('when the server is found', () => {
  it('takes address, token and CA from flags', async () => {
    const { code } = await gatehouse([...list, '--url', server.url, '--token', 'gho_flag', '--ca', caFile]);
    expect([code, seen]).toEqual([0, ['Bearer gho_flag']]);
  });

  it('takes them from the environment, and a flag over it', async () => {
    const environment = {
      GATEHOUSE_URL: server.url,
      GATEHOUSE_TOKEN: 'gho_environment',
      GATEHOUSE_CA: caFile,
    };
    await gatehouse(list, environment);
    await gatehouse([...list, '--token', 'gho_flag'], environment);
    expect(seen).toEqual(['Bearer gho_environment', 'Bearer gho_flag']);
  });

  it('takes them from the data folder of a Gatehouse on this host', async () => {
    const data = dataFolder('local', server.url, server.root);
    await gatehouse([...list, '--data', data]);
    await gatehouse(list, { GATEHOUSE_DATA: data, GATEHOUSE_TOKEN: '' });
    expect(seen).toEqual(['Bearer gho_of_the_folder', 'Bearer gho_of_the_folder']);
  });
});

describe('when a command is done', () => {
  it('leaves no connection that would keep the process from ending', async () => {
    await gatehouse([...list, '--url', server.url, '--token', 'x', '--ca', caFile]);
    await eventually(() => server.connections() === 0);
  });
});

describe("when the data folder's token is not for this server", () => {
  it("is not sent to a server that the folder's CA does not vouch for", async () => {
    const data = dataFolder('foreign-server', server.url, wrongName.root);
    const { code, stderr } = await gatehouse([...list, '--data', data]);
    expect([code, seen]).toEqual([1, []]);
    expect(stderr).toMatch(explained(/https:\/\/127\.0\.0\.1:\d+: .*/, 'server_untrusted'));
  });

  it('is not sent where another CA was given', async () => {
    const data = dataFolder('foreign-ca', server.url, wrongName.root);
    const { code, stderr } = await gatehouse([...list, '--data', data, '--ca', caFile]);
    expect([code, seen]).toEqual([1, []]);
    expect(stderr).toMatch(
      explained(
        /the token of the data folder is not sent where --ca names a CA: give --token/,
        'operator_token_missing',
      ),
    );
  });
});

describe('when the server cannot be found', () => {
  it('says so where no address is known', async () => {
    const { code, stdout, stderr } = await gatehouse([...list, '--data', nowhere()]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(explained(/no address to ask: --url was not given, and .*/, 'server_unknown'));
    expect(stderr).toMatch(/what to do: Run gatehouse up, or give --data .* --url/);
  });

  it('says so where no token is known', async () => {
    const { code, stderr } = await gatehouse([...list, '--url', server.url, '--data', nowhere()]);
    expect(code).toBe(1);
    expect(stderr).toMatch(explained('No operator token was sent', 'operator_token_missing'));
  });

  it.each(['gho_a b', 'gho_a\nb', 'gho_ü'])(
    'refuses the token %j, which no header can carry',
    async (token) => {
      const given = ['--url', server.url, '--ca', caFile, '--token', token, '--json'];
      const { code, stderr } = await gatehouse([...list, ...given]);
      expect([code, errorCode(stderr), seen]).toEqual([1, 'operator_token_invalid', []]);
    },
  );

  it('says so where nothing listens', async () => {
    const { code, stdout, stderr } = await gatehouse([
      ...list,
      '--url',
      'https://localhost:1',
      '--token',
      'x',
      '--json',
    ]);
    expect([code, stdout, errorCode(stderr)]).toEqual([1, '', 'server_unreachable']);
  });

  it('says so where the name does not resolve', async () => {
    const { code, stderr } = await gatehouse([...list, '--url', 'https://gatehouse.invalid', '--token', 'x']);
    expect(code).toBe(1);
    expect(stderr).toMatch(explained(/https:\/\/gatehouse\.invalid: .+/, 'server_unreachable'));
  });

  it('says so where something else than TLS listens', async () => {
    const plain = createServer((socket) => socket.end('220 mail.example ESMTP\r\n')).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const { port } = plain.address() as AddressInfo;
    const { code, stderr } = await gatehouse([
      ...list,
      '--url',
      `https://127.0.0.1:${port}`,
      '--token',
      'x',
      '--json',
    ]);
    plain.close();
    expect([code, errorCode(stderr)]).toEqual([1, 'server_unreachable']);
    expect(stderr).toContain('wrong version number');
    expect(stderr).not.toMatch(/:error:|SSL routines/);
  });
});

describe('when the server is not trusted', () => {
  it.each([
    ['leads to another CA', () => [server.url, otherCa]],
    ['is for another name', () => [wrongName.url, otherCa]],
  ])('refuses one whose certificate %s, and sends no token', async (_what, given) => {
    const [url = '', ca = ''] = given();
    const { code, stdout, stderr } = await gatehouse([
      ...list,
      '--url',
      url,
      '--ca',
      ca,
      '--token',
      'x',
      '--json',
    ]);
    expect([code, stdout, errorCode(stderr), seen]).toEqual([1, '', 'server_untrusted', []]);
  });

  it("refuses one of a private CA where none was given: Node's own are asked", async () => {
    const { code, stderr } = await gatehouse([
      ...list,
      '--url',
      server.url,
      '--token',
      'x',
      '--data',
      nowhere(),
      '--json',
    ]);
    expect([code, errorCode(stderr), seen]).toEqual([1, 'server_untrusted', []]);
  });

  it('refuses a CA file that is not there', async () => {
    const { code, stderr } = await gatehouse([
      ...list,
      '--url',
      server.url,
      '--token',
      'x',
      '--ca',
      nowhere(),
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(explained(/.*nowhere is not there/, 'file_unreadable'));
  });

  it('refuses a CA file that holds no certificate', async () => {
    const empty = join(folder, 'empty.pem');
    writeFileSync(empty, 'not a certificate');
    const { code, stderr } = await gatehouse([...list, '--url', server.url, '--token', 'x', '--ca', empty]);
    expect(code).toBe(1);
    expect(stderr).toMatch(explained(/.*empty\.pem does not begin with a certificate in PEM/, 'pem_invalid'));
  });
});

describe('when what answers is not Gatehouse, or a newer one', () => {
  const ask = () => gatehouse([...list, '--url', server.url, '--ca', caFile, '--token', 'x']);

  it.each([
    ['a page of a proxy', 502, '<html>Bad gateway</html>'],
    ['JSON that is no problem document', 400, '{"error":"not found"}'],
    ['nothing', 200, ''],
  ])('tells of %s', async (_what, status, body) => {
    answer = (_request, response) => response.writeHead(status).end(body);
    const { code, stdout, stderr } = await ask();
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      explained(/.* answers with status \d+, but not as Gatehouse does/, 'not_gatehouse'),
    );
  });

  it.each([
    ["another program's", '<h1>Not Found</h1>'],
    [
      "another listener's of a Gatehouse",
      '{"code":"not_found","detail":"no GET","remedy":"Check the path."}',
    ],
  ])('tells of 404, %s, that this is not the operator listener', async (_whose, body) => {
    answer = (_request, response) => response.writeHead(404).end(body);
    const { code, stderr } = await ask();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      explained(/https:.* is not the operator listener of a Gatehouse/, 'not_gatehouse'),
    );
  });

  it('tells of an answer that breaks off', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"items":[', () => response.destroy());
    };
    const { code, stdout, stderr } = await ask();
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('code: server_unreachable\n');
  });

  it('passes on a refusal with a code that it does not know, and nothing a terminal would obey', async () => {
    answer = (_request, response) => {
      response
        .writeHead(451)
        .end(JSON.stringify({ code: 'moon_phase', detail: 'full \u001b[31mmoon', remedy: 'wait' }));
    };
    const { code, stderr } = await ask();
    expect([code, stderr]).toEqual([1, 'error: full \\u001b[31mmoon\ncode: moon_phase\nwhat to do: wait\n']);
  });
});
