/** `gatehouse token …`, `operator …`, `issuer …`, `key …` and `journal …` against a real enroll process. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JournalRow } from '../../core/journal/events.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { errorCode, explained } from './transcript.ts';

const folder = temporaryFolder();
let operated: Operated;

beforeAll(async () => {
  operated = await Operated.start(folder);
});
afterAll(() => operated.close());

describe('gatehouse token', () => {
  it('creates one: the token alone on standard output, its terms beside', async () => {
    const { code, stdout, stderr } = await operated.run('token create --device press-* --max-uses 3');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ghe_[0-9a-f]{12}_[\w-]{43}\n$/)]);
    expect(stderr).toMatch(
      /^Good for 3 enrollments of press-\*, into the group devices, until [\d-]+T\d\d:\d\d:\d\dZ\.\nIt is shown only now\./,
    );
  });

  it('says what --device takes, patterns and all', async () => {
    for (const device of ['../press', 'press*/', '-press', 'x'.repeat(65)]) {
      const { code, stdout, stderr } = await operated.run(`token create --device=${device}`);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(
        explained(`"${device}" is neither a device ID nor a pattern of one`, 'device_pattern_invalid'),
      );
      expect(stderr).toContain('and *, which stands for any run of them');
    }
  });

  it('creates one for programs, with the terms that were asked for', async () => {
    const created = await operated.json('token create --group services --device svc-1 --expires 15m');
    expect(created).toMatchObject({ group: 'services', device: 'svc-1', maxUses: 1, status: 'active' });
    expect(Date.parse(created.expiresAt) - Date.parse(created.createdAt)).toBe(900_000);
  });

  it('lists and revokes them, and never shows one again', async () => {
    const { id, token } = await operated.json('token create');
    expect((await operated.run(`token revoke ${id}`)).stdout).toBe(`token ${id} is revoked\n`);
    const { code, stdout, stderr } = await operated.run('token list');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ID {12}STATUS +USES +GROUP +DEVICE +EXPIRES +CREATED BY\n/);
    expect(stdout).toMatch(new RegExp(`^${id}  revoked +0/1 +devices +any +.*Z  operator:admin$`, 'm'));
    expect(stdout).not.toContain(token.slice(-20));
    expect(JSON.stringify(await operated.json('token list'))).not.toContain(token.slice(-20));
  });

  it('revokes one that is given whole, and sends its id alone', async () => {
    const asked: string[] = [];
    const onRequest = (message: unknown) => {
      const { request } = message as { request: { path: string } };
      asked.push(request.path);
    };
    const { id, token } = await operated.json('token create');
    subscribe('http.client.request.start', onRequest);
    const { code, stdout } = await operated.run(`token revoke ${token}`);
    unsubscribe('http.client.request.start', onRequest);
    expect([code, stdout]).toEqual([0, `token ${id} is revoked\n`]);
    expect(asked).toEqual([`/api/v1/tokens/${id}`]);
  });

  it('does not repeat what may be a secret where it is no token', async () => {
    const { code, stderr } = await operated.run('token revoke gho_6f1d2c3b4a59_secret');
    expect(code).toBe(2);
    expect(stderr).not.toContain('secret');
  });

  it('passes on why one was refused', async () => {
    const { code, stdout, stderr } = await operated.run('token create --group nosuch');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(explained('there is no group "nosuch"', 'group_unknown'));
  });
});

describe('gatehouse operator, ca and key', () => {
  it('creates an operator whose token works, within its role', async () => {
    const created = await operated.run('operator create night --role viewer');
    expect([created.code, created.stdout]).toEqual([0, expect.stringMatching(/^gho_\w{12}_[\w-]{43}\n$/)]);
    const token = created.stdout.trim();
    expect((await operated.run(`device list --token ${token}`)).code).toBe(0);
    const { code, stderr } = await operated.run(`device revoke dev:3 --token ${token}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(explained(/.*night.*/, 'operator_role_insufficient'));
    expect((await operated.run('operator list')).stdout).toMatch(/\nnight +viewer +.*Z\n/);

    expect((await operated.run('operator remove night')).stdout).toBe('operator night is removed\n');
    const { stderr: after } = await operated.run(`device list --token ${token} --json`);
    expect(errorCode(after)).toBe('operator_token_invalid');
  });

  it('lists the CA certificates', async () => {
    expect((await operated.run('ca status')).stdout).toMatch(
      /\nroot +active +CN=.*Z +- +[0-9a-f]{64}\nissuing +active /,
    );
    expect((await operated.json('ca status')).issuers).toMatchObject([
      { kind: 'root' },
      { pem: expect.stringMatching(/^-----BEGIN/) },
    ]);
  });

  it('blocks a key', async () => {
    const fingerprint = `${'AB:'.repeat(31)}CD`;
    const { code, stdout } = await operated.run(`key block ${fingerprint} --note leaked`);
    expect([code, stdout]).toEqual([0, `key ${fingerprint.replaceAll(':', '').toLowerCase()} is blocked\n`]);
  });
});

describe('gatehouse journal', () => {
  it('lists what happened and who did it', async () => {
    const { stdout } = await operated.run('journal list');
    expect(stdout).toMatch(/^SEQ +TIME +ACTOR +ACTION +SUBJECT +DATA\n1 +.*Z +system +issuer\.added /);
    expect(stdout).toMatch(/ operator:admin +operator\.created +night +role=viewer\n/);
    const rows = await operated.json('journal list --after 3');
    expect(rows[0].seq).toBe(4);
    expect(rows[0].time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    const created = rows.find(({ event }: JournalRow) => event.action === 'token.created');
    expect(created.event.data.expiresAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('names the first few of many', async () => {
    const lines = ['a', 'b', 'c', 'd'].map(
      (id) => `${JSON.stringify({ id: `many-${id}`, group: 'devices' })}\n`,
    );
    await operated.enroll.call(`${operated.enroll.adminUrl}/api/v1/devices/import`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${operated.enroll.adminToken}`,
        'content-type': 'application/x-ndjson',
      },
      body: lines.join(''),
    });
    const { stdout } = await operated.run('journal list --about many-d');
    expect(stdout).toMatch(/ devices\.imported +devices +count=4 devices=many-a,many-b,many-c,…\(4\)\n$/);
  });

  it('follows what happens, one row a line, until it is asked to end', async () => {
    const { seq } = (await operated.json('journal list')).at(-1);
    await operated.json('token create');
    const end = new AbortController();
    const seen: JournalRow[] = [];
    const created = () => seen.filter(({ event }) => event.action === 'token.created');
    const { code, stderr } = await operated.run(`journal list --after ${seq} --follow --json`, {
      signals: [end.signal],
      onOutput(line) {
        seen.push(JSON.parse(line));
        if (created().length === 1) void operated.enroll.createToken();
        else if (created().length === 2) end.abort();
      },
    });
    expect([code, stderr, created().length]).toEqual([0, '', 2]);
    expect(seen.map((row) => row.seq)).toEqual(seen.map((_row, index) => seq + 1 + index));
  });

  it('verifies, and tells the head to expect next time', async () => {
    const { code, stdout } = await operated.run('journal verify');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^the journal verifies: \d+ rows\nhead \d+:[0-9a-f]{64}\n$/),
    ]);
    const head = /head (.*)/.exec(stdout)?.[1] ?? '';
    expect(await operated.json(`journal verify --expect ${head}`)).toMatchObject({ verified: true });
  });

  it('fails where the journal does not hold the head that is expected', async () => {
    const { code, stdout, stderr } = await operated.run(`journal verify --expect 3:${'a'.repeat(64)}`);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(explained(/journal row 3 .*/, 'journal_broken'));
  });
});
