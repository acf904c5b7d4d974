/** What both programs are made of: last words, voices, the requests to end, values of options. */
import { describe, expect, it } from '@jest/globals';
import { CommanderError } from 'commander';
import { GatehouseError } from '../../core/errors.ts';
import { describeConnectionError } from '../../runtime/command-line/connection-error.ts';
import {
  exitCodeOf,
  FailedResult,
  lastWordsOf,
  ReportedError,
  renderLastWords,
} from '../../runtime/command-line/last-words.ts';
import { createOutput } from '../../runtime/command-line/output.ts';
import { countUpTo, durationBetween } from '../../runtime/command-line/parsers.ts';
import {
  listenForStop,
  type StopRequest,
  type StopRequests,
} from '../../runtime/command-line/stop-signal.ts';

const OPENSSL =
  'write EPROTO 80B5D2F7:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../deps/openssl/ssl/record/methods/tlsany_meth.c:84:\n';

describe('last words', () => {
  const words = { code: 'x', detail: 'first \u001b[31m\nsecond\u0007', remedy: 'do\u009b it' };

  it('show nothing that a terminal would obey, and keep their lines', () => {
    expect(renderLastWords(words, false)).toBe(
      'error: first \\u001b[31m\nsecond\\u0007\ncode: x\nwhat to do: do\\u009b it\n',
    );
  });

  it('are one line of JSON for programs', () => {
    const text = renderLastWords(words, true);
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(JSON.parse(text)).toEqual({ error: words });
  });

  it.each([
    ['a refusal', new GatehouseError('token_spent'), ['token_spent'], 1],
    ["somebody else's refusal", new ReportedError({ code: 'y', detail: '', remedy: '' }), ['y'], 1],
    ['misuse', new CommanderError(1, 'commander.error', 'error: no'), ['usage_invalid'], 2],
    ['a setting', new GatehouseError('setting_invalid'), ['setting_invalid'], 2],
    ['help', new CommanderError(0, 'commander.helpDisplayed', '(outputHelp)'), [], 0],
    ['a result that tells it', new FailedResult(), [], 1],
    ['a call', Object.assign(new Error('EACCES'), { syscall: 'open' }), ['system_failed'], 1],
    ['a bug', new TypeError('x'), ['internal'], 1],
    [
      'several',
      new AggregateError([new GatehouseError('device_unknown'), new TypeError('x')]),
      ['device_unknown', 'internal'],
      1,
    ],
  ])('of %s', (_what, error, codes, exitCode) => {
    expect(lastWordsOf(error).map(({ code }) => code)).toEqual(codes);
    expect(exitCodeOf(error)).toBe(exitCode);
  });

  it("leave OpenSSL's queue out of what failed", () => {
    const error = Object.assign(new Error(OPENSSL), { syscall: 'write' });
    expect(lastWordsOf(error)[0]?.detail).toBe('write EPROTO wrong version number');
  });
});

describe('an error of a connection', () => {
  const error = (code: string, message = 'x') => Object.assign(new Error(message), { code });

  it.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'INVALID_PURPOSE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  ])('%s means that the server is not to be trusted', (code) => {
    expect(describeConnectionError(error(code)).untrusted).toBe(true);
  });

  it.each(['ECONNREFUSED', 'EPROTO', 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED', ''])(
    '%j does not',
    (code) => {
      expect(describeConnectionError(error(code)).untrusted).toBe(false);
    },
  );

  it('of several addresses is that of the first', () => {
    const several = Object.assign(new AggregateError([error('ECONNREFUSED', 'first')], ''), { code: 'E' });
    expect(describeConnectionError(several)).toMatchObject({ code: 'ECONNREFUSED', message: 'first' });
  });

  it('is told in plain words', () => {
    expect(describeConnectionError(error('EPROTO', OPENSSL)).message).toBe(
      'write EPROTO wrong version number',
    );
    expect(describeConnectionError(error('ETIMEDOUT', '')).message).toBe('ETIMEDOUT');
  });
});

describe('the voices of a command', () => {
  function voices(json: boolean) {
    const [stdout, stderr]: [string[], string[]] = [[], []];
    const stream = (texts: string[]) => ({ write: (text: string) => texts.push(text) });
    const output = createOutput({ stdout: stream(stdout), stderr: stream(stderr), environment: {} }, json);
    output.say('said');
    output.result({ value: 1 }, () => 'shown');
    output.result({ value: 2 });
    output.note('noted');
    return { stdout: stdout.join(''), stderr: stderr.join('') };
  }

  it('are JSON alone on standard output with --json', () => {
    expect(voices(true)).toEqual({ stdout: '{"value":1}\n{"value":2}\n', stderr: 'said\n' });
  });

  it('are text for people without', () => {
    expect(voices(false)).toEqual({ stdout: 'said\nshown\n', stderr: 'noted\n' });
  });
});

describe('a request to end', () => {
  function listening() {
    let ask: (request: StopRequest) => void = () => undefined;
    let released = 0;
    let time = 0;
    const requests: StopRequests = (listener) => {
      ask = listener;
      return () => {
        released += 1;
      };
    };
    const stop = listenForStop(requests, undefined, () => time);
    const pass = (milliseconds: number) => {
      time += milliseconds;
    };
    const state = () => [stop.signal.aborted, stop.force.aborted];
    return { ask: (request: StopRequest) => ask(request), pass, state, stop, released: () => released };
  }

  it('asks for a good end first, and for one at once when somebody insists', () => {
    const { ask, state } = listening();
    expect(state()).toEqual([false, false]);
    ask('SIGTERM');
    expect(state()).toEqual([true, false]);
    ask('SIGINT');
    expect(state()).toEqual([true, true]);
  });

  it('is not insisted on by a signal that comes twice at once, as from a terminal through npm', () => {
    const { ask, pass, state } = listening();
    ask('SIGINT');
    pass(999);
    ask('SIGINT');
    expect(state()).toEqual([true, false]);
    pass(1);
    ask('SIGINT');
    expect(state()).toEqual([true, true]);
  });

  it('is insisted on by the first signal behind a lost reader, since somebody has given it', () => {
    const { ask, state } = listening();
    ask('lost reader');
    ask('SIGTERM');
    expect(state()).toEqual([true, true]);
  });

  it('is not insisted on by a reader that is lost at each line anew', () => {
    const { ask, state } = listening();
    ask('lost reader');
    ask('lost reader');
    expect(state()).toEqual([true, false]);
  });

  it('is not listened for any more once the command is done', () => {
    const { stop, released } = listening();
    stop.release();
    expect(released()).toBe(1);
  });
});

describe('values of options', () => {
  it.each(['0', '-1', '1.5', '1e3', '', ' 1', '11', 'x'])('%j is no count up to 10', (text) => {
    expect(() => countUpTo(10)(text)).toThrow('Give a whole number from 1 to 10.');
  });

  it('count up to a bound', () => {
    expect(['1', '10', '07'].map(countUpTo(10))).toEqual([1, 10, 7]);
  });

  it.each(['5', '999ms', '61m', 'soon', '', '1.5m'])('%j is no duration from 1s to 1h', (text) => {
    expect(() => durationBetween('1s', '1h', '5s or 2m')(text)).toThrow(
      'Give a duration from 1s to 1h, with its unit, such as 5s or 2m.',
    );
  });

  it('are durations from bound to bound', () => {
    expect(['1s', '2m', '1h'].map(durationBetween('1s', '1h', ''))).toEqual([1_000, 120_000, 3_600_000]);
  });
});
