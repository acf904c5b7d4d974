/** What renewal is for: a device changes its certificate while it works, and nobody notices but those who hold the old one. */
import { systemClock } from '../../runtime/clock.ts';
import { defaultBackoff } from '../device/backoff.ts';
import { type DeviceOptions, runDevice } from '../device/device.ts';
import { callRenewal } from '../device/renewal-call.ts';
import { createSensor } from '../device/sensor.ts';
import { sleep } from '../device/sleep.ts';
import type { Identity } from '../identity/identity.ts';
import { memoryStorage } from '../identity/identity-storage.ts';
import { TrustAnchors } from '../identity/trust-anchors.ts';
import type { Backend } from './backend.ts';
import { admission } from './outcome.ts';
import type { Stage } from './stage.ts';
import { compare, type Row } from './verdict.ts';

const INTERVAL_MS = 20;
/** Readings before and after the renewal. */
const READINGS = 15;

export async function showRenewal(stage: Stage, backend: Backend): Promise<Row[]> {
  const storage = memoryStorage();
  const old = await stage.enroll(stage.newId(), { storage });
  const { renewed, published } = await renewAtWork(stage, backend, { storage, old });
  const { deviceId } = old;
  await backend.until(() => backend.count(deviceId) >= published);
  const arrived = (count: number) => `${count} arrived`;
  return [
    compare(
      'a device renews while it publishes',
      'goes on with a new certificate',
      renewed ? 'goes on with a new certificate' : 'still has the old one',
    ),
    compare('its messages, at the service', arrived(published), arrived(backend.count(deviceId))),
    compare('its old certificate, from then on', 'certificate_superseded', await finalAdmission(stage, old)),
  ];
}

interface Renewing {
  readonly storage: DeviceOptions['storage'];
  readonly old: Identity;
}

/** What is seen of the device, and the time that it goes by. */
interface Watched {
  published: number;
  connectedAs: Identity | undefined;
  now: () => number;
}

async function renewAtWork(stage: Stage, backend: Backend, renewing: Renewing) {
  const { old } = renewing;
  const watched: Watched = { published: 0, connectedAs: undefined, now: systemClock.now };
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, stage.signal]);
  const life = runDevice(await assemble(stage, renewing, watched), signal);
  await backend.until(() => watched.published >= READINGS);
  // Its certificate is good for 90 days: only its clock says that it is due.
  watched.now = () => old.renewAfter;
  const renewed = await backend.until(() => watched.connectedAs?.serialNumber !== old.serialNumber);
  const then = watched.published;
  await backend.until(() => watched.published >= then + READINGS);
  stop.abort();
  await life;
  return { renewed, published: watched.published };
}

/** The device that `gatehouse-sim run` has, but for its clock. */
async function assemble(stage: Stage, { storage, old }: Renewing, watched: Watched): Promise<DeviceOptions> {
  const { ca, enrollUrl: url } = stage.gatehouse;
  const trust = await TrustAnchors.open(storage, () => ca);
  return {
    storage,
    requestedId: old.deviceId,
    keyType: old.keyType,
    enroll: () => Promise.reject(new Error('it is enrolled')),
    renewal: {
      key: 'new',
      renew: (identity, csr, signal) =>
        callRenewal({ url, trust, onServerTime: () => {} }, { identity, csr, signal }),
      observe: ({ name }) => {
        if (name === 'renewed') watched.now = systemClock.now;
      },
    },
    connect: (identity) => stage.connect(identity, { persistent: true }),
    occupation: createSensor({
      interval: INTERVAL_MS,
      clock: systemClock,
      sleep,
      observe: ({ name }) => {
        if (name === 'published') watched.published += 1;
      },
    }),
    backoff: defaultBackoff,
    patience: null,
    clock: { now: () => watched.now() },
    sleep: (ms, signal) => sleep(Math.min(ms, INTERVAL_MS), signal),
    maxFailures: 3,
    observe: (state) => {
      if (state.name === 'online') watched.connectedAs = state.identity;
    },
  };
}

/** The new one was used a moment ago: the old one ends when Gatehouse has noted that. */
async function finalAdmission(stage: Stage, old: Identity): Promise<string> {
  let happened = 'admitted';
  const clientId = `${old.deviceId}/old`;
  for (let attempt = 0; happened === 'admitted' && attempt < 20; attempt += 1) {
    if (attempt > 0) await stage.pause(100);
    happened = await admission(stage, () => stage.connect(old, { clientId }));
  }
  return happened;
}
