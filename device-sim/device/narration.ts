/** A device's life told as it happens: a line for people, a JSON object for programs. */
import type { Output } from '../../runtime/command-line/output.ts';
import { printableLines } from '../../runtime/command-line/printable.ts';
import type { Failure } from '../contract/failure.ts';
import type { DeviceState } from './device.ts';
import type { SensorEvent } from './sensor.ts';

export function narrateState(output: Output, state: DeviceState): void {
  output.result(stateRecord(state));
  const sentence = stateSentence(state);
  if (sentence !== null) output.say(sentence);
}

export function narrateEvent(output: Output, event: SensorEvent): void {
  if (event.name === 'published') {
    const { seq, temperature } = event.reading;
    output.result({ event: 'published', ...event.reading });
    output.say(`published reading ${seq}: ${temperature} °C`);
  } else {
    output.result({ event: 'obeyed', answer: event.answer });
    output.say(`obeyed ${JSON.stringify(event.answer)}`);
  }
}

function stateRecord(state: DeviceState): object {
  const event = state.name;
  switch (state.name) {
    case 'connecting': {
      const { deviceId, serialNumber, notAfter } = state.identity;
      return { event, deviceId, serialNumber, notAfter: new Date(notAfter).toISOString() };
    }
    case 'online':
      return { event, deviceId: state.identity.deviceId };
    case 'waiting':
      return { event, ...reasonRecord(state.reason), delayMs: state.delay };
    case 'refused':
      return { event, ...reasonRecord(state.reason) };
    default:
      return { event };
  }
}

function reasonRecord({ code, message, remedy }: Failure): object {
  return { code, detail: message, remedy };
}

/** Null for a refusal: people read it as the error that ends the command. */
function stateSentence(state: DeviceState): string | null {
  switch (state.name) {
    case 'connecting':
      return `connecting to the broker as ${state.identity.deviceId}`;
    case 'online':
      return `online as ${state.identity.deviceId}`;
    case 'waiting': {
      const { code, message, retry, remedy } = state.reason;
      const sentence = `${message} (${code}); trying again in ${(state.delay / 1000).toFixed(1)} s`;
      // What passes by itself needs no advice.
      return printableLines(retry === 'later' ? `${sentence}\nwhat to do: ${remedy}` : sentence);
    }
    case 'refused':
      return null;
    default:
      return state.name;
  }
}
