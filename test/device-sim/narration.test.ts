/** A device's life as it is told: in lines that a terminal can be given, and in JSON. */
import { describe, expect, it } from '@jest/globals';
import { Failure, type Retry } from '../../device-sim/contract/failure.ts';
import type { DeviceState } from '../../device-sim/device/device-state.ts';
import { narrateState } from '../../device-sim/device/narration.ts';
import { createOutput } from '../../runtime/command-line/output.ts';

function waiting(message: string, retry: Retry): DeviceState {
  const reason = new Failure('mqtt_not_authorized', message, { retry, remedy: 'ask' });
  return { name: 'waiting', delay: 12_340, reason, next: { name: 'enrolling', failures: 1 } };
}

/** What a state puts on standard output. */
function told(state: DeviceState, json: boolean): string {
  let stdout = '';
  const write = (text: string) => {
    stdout += text;
  };
  const stderr = { write: () => undefined };
  narrateState(createOutput({ stdout: { write }, stderr, environment: {} }, json), state);
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
