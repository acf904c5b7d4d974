/** A device's life as it is told: in lines that a terminal can be given, and in JSON. */
import { describe, expect, it } from '@jest/globals';
import { parseDeviceId, parseSerialNumber } from '../../core/ids.ts';
import { Failure, type Retry } from '../../device-sim/contract/failure.ts';
import type { DeviceState } from '../../device-sim/device/device-state.ts';
import { narrateRenewal, narrateState, narrateWrongClock } from '../../device-sim/device/narration.ts';
import type { RenewalEvent } from '../../device-sim/device/renewer.ts';
import { createOutput, type Output } from '../../runtime/command-line/output.ts';

function waiting(message: string, retry: Retry): DeviceState {
  const reason = new Failure('mqtt_not_authorized', message, { retry, remedy: 'ask' });
  return { name: 'waiting', delay: 12_340, reason, next: { name: 'enrolling', failures: 1 } };
}

/** What a state puts on standard output. */
function told(state: DeviceState, json: boolean): string {
  return toldBy((output) => narrateState(output, state), json);
}

function toldBy(narrate: (output: Output) => void, json: boolean): string {
  let stdout = '';
  const write = (text: string) => {
    stdout += text;
  };
  const stderr = { write: () => undefined };
  narrate(createOutput({ stdout: { write }, stderr, environment: {} }, json));
  return stdout;
}

describe('a wait', () => {
  it('is told with its reason', () => {
    expect(told(waiting('not there', 'soon'), false)).toBe(
      'not there (mqtt_not_authorized); trying again in 12.3 s\n',
    );
  });

  it('is told with what to do where only an operator can end it', () => {
    expect(told(waiting('not let in', 'later'), false)).toBe(
      'not let in (mqtt_not_authorized); trying again in 12.3 s\nwhat to do: ask\n',
    );
  });

  it('is told to programs with code, reason and remedy', () => {
    expect(JSON.parse(told(waiting('not let in', 'later'), true))).toEqual({
      event: 'waiting',
      code: 'mqtt_not_authorized',
      detail: 'not let in',
      remedy: 'ask',
      delayMs: 12_340,
    });
  });

  it("shows the server's words as no terminal would obey them", () => {
    expect(told(waiting('\u001b[2Jgone', 'soon'), false)).toContain('\\u001b[2Jgone (');
  });
});

describe('a renewal', () => {
  const identity = {
    deviceId: parseDeviceId('press-7'),
    serialNumber: parseSerialNumber('0A0B'),
    keyType: 'ec-p256',
    notAfter: Date.UTC(2030, 0, 1),
    renewAfter: 0,
    key: 'SECRET',
    chain: '',
    mqttUrl: '',
  } as const;
  const reason = new Failure('key_blocked', 'the key is \u001b[2Jblocked', {
    retry: 'never',
    remedy: 'make another',
  });
  const tell = (event: RenewalEvent, json: boolean) =>
    toldBy((output) => narrateRenewal(output, event), json);

  it.each([
    [
      { name: 'renewing', identity },
      'renewing the certificate, which is valid until 2030-01-01T00:00:00.000Z\n',
    ],
    [{ name: 'renewed', identity }, 'renewed: the new certificate is valid until 2030-01-01T00:00:00.000Z\n'],
    [
      { name: 'renewal-failed', reason, delay: 1_500 },
      'not renewed: the key is \\u001b[2Jblocked (key_blocked); trying again in 1.5 s, with the certificate that there is\n',
    ],
    [
      { name: 'renewal-failed', reason, delay: null },
      'not renewed: the key is \\u001b[2Jblocked (key_blocked)\nwhat to do: make another\n',
    ],
    [
      { name: 'renewal-refused', reason },
      'the renewed certificate was refused: the key is \\u001b[2Jblocked (key_blocked); going on with the one before\n',
    ],
  ] satisfies [RenewalEvent, string][])('is told in a sentence: $name', (event, sentence) => {
    expect(tell(event, false)).toBe(sentence);
  });

  it('is told to programs, without the key', () => {
    expect(tell({ name: 'renewed', identity }, true)).toBe(
      `${JSON.stringify({ event: 'renewed', serialNumber: '0A0B', notAfter: '2030-01-01T00:00:00.000Z' })}\n`,
    );
    expect(JSON.parse(tell({ name: 'renewal-failed', reason, delay: null }, true))).toMatchObject({
      ...{ event: 'renewal-failed', code: 'key_blocked', remedy: 'make another', delayMs: null },
    });
  });
});

describe('a clock that is wrong', () => {
  it.each([
    [3_600_000, 3_600, '3600.0 s behind'],
    [-90_000, -90, '90.0 s ahead of'],
  ])('is told: %d ms', (behind, secondsBehind, words) => {
    const narrate = (output: Output) => narrateWrongClock(output, behind);
    expect(toldBy(narrate, false)).toContain(words);
    expect(JSON.parse(toldBy(narrate, true))).toEqual({ event: 'wrong-clock', secondsBehind });
  });
});
