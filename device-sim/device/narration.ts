/** A device's life told as it happens: a line for people, a JSON object for programs. */
import type { Output } from '../../runtime/command-line/output.ts';
import { printableLines } from '../../runtime/command-line/printable.ts';
import type { Failure } from '../contract/failure.ts';
import type { Identity } from '../identity/identity.ts';
import type { DeviceState } from './device-state.ts';
import type { RenewalEvent } from './renewer.ts';
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

export function narrateRenewal(output: Output, event: RenewalEvent): void {
  output.result(renewalRecord(event));
  output.say(printableLines(renewalSentence(event)));
}

/** @param behind milliseconds; negative where the device's clock is ahead */
export function narrateWrongClock(output: Output, behind: number): void {
  output.result({ event: 'wrong-clock', secondsBehind: Math.round(behind / 1000) });
  output.say(wrongClockSentence(behind));
}

export function wrongClockSentence(behind: number): string {
  const how = `${seconds(Math.abs(behind))} ${behind > 0 ? 'behind' : 'ahead of'}`;
  return `warning: the clock here is ${how} the server's, whose time counts; set it right`;
}

function stateRecord(state: DeviceState): object {
  const event = state.name;
  switch (state.name) {
    case 'connecting':
      return { event, deviceId: state.identity.deviceId, ...certificateRecord(state.identity) };
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

function renewalRecord(event: RenewalEvent): object {
  switch (event.name) {
    case 'renewing':
    case 'renewed':
      return { event: event.name, ...certificateRecord(event.identity) };
    case 'renewal-failed':
      return { event: event.name, ...reasonRecord(event.reason), delayMs: event.delay };
    case 'renewal-refused':
      return { event: event.name, ...reasonRecord(event.reason) };
  }
}

function renewalSentence(event: RenewalEvent): string {
  switch (event.name) {
    case 'renewing':
      return `renewing the certificate, which is valid until ${iso(event.identity.notAfter)}`;
    case 'renewed':
      return `renewed: the new certificate is valid until ${iso(event.identity.notAfter)}`;
    case 'renewal-failed': {
      const { code, message, remedy } = event.reason;
      const sentence = `not renewed: ${message} (${code})`;
      if (event.delay === null) return `${sentence}\nwhat to do: ${remedy}`;
      return `${sentence}; trying again in ${seconds(event.delay)}, with the certificate that there is`;
    }
    case 'renewal-refused': {
      const { code, message } = event.reason;
      return `the renewed certificate was refused: ${message} (${code}); going on with the one before`;
    }
  }
}

function certificateRecord({ serialNumber, notAfter }: Identity): object {
  return { serialNumber, notAfter: iso(notAfter) };
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
      const sentence = `${message} (${code}); trying again in ${seconds(state.delay)}`;
      // What passes by itself needs no advice.
      return printableLines(retry === 'later' ? `${sentence}\nwhat to do: ${remedy}` : sentence);
    }
    case 'refused':
      return null;
    default:
      return state.name;
  }
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
