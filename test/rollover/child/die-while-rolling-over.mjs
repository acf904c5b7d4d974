// A rollover that is killed between two of its steps. Runs on the build (dist).
// Arguments: data folder, status URL, step to die at, then `rotate`, `rotate-root`, or `retire FINGERPRINT`.
import { CrlPublisher } from '../../../dist/enroll/crl/crl-publisher.js';
import { CrlStore } from '../../../dist/enroll/crl/crl-store.js';
import { CrlThread } from '../../../dist/enroll/crl/crl-thread-client.js';
import { openData } from '../../../dist/enroll/open-data.js';
import { retireCa } from '../../../dist/enroll/rollover/retire-ca.js';
import { rotateCa } from '../../../dist/enroll/rollover/rotate-ca.js';
import { createFileKeyStore } from '../../../dist/enroll/signer/file-key-store.js';
import { readPassphrase } from '../../../dist/enroll/signer/passphrase.js';
import { systemClock } from '../../../dist/runtime/clock.js';
import { createLogger } from '../../../dist/runtime/log.js';
import { readSettings } from '../../../dist/runtime/settings.js';
import { Closers } from '../../../dist/runtime/shutdown.js';

const [, , data, statusUrl, step, command, fingerprint] = process.argv;

/** Nothing goes on after this. */
function die() {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}
const at = (name) => (step === name ? die() : undefined);

/** What it makes takes the test no time to open, as in test/support/ca-keys.ts. */
const openCheapKeys = (layout) =>
  createFileKeyStore({
    layout,
    passphrase: () => readPassphrase(layout, undefined),
    guessCost: { cost: 2 ** 4, blockSize: 8, parallelization: 1 },
  });
const opened = await openData(readSettings({ data }, {}), systemClock, new Closers(), openCheapKeys);
const { registry, keys, issuing, layout } = opened;
const write = registry.write.bind(registry);
/** For the CRLs, whose numbers are no step of the rollover. */
const immortal = new Proxy(registry, {
  get: (target, name) => (name === 'write' ? write : target[name].bind(target)),
});
const log = createLogger('test', { level: 'silent', format: 'json' });
const crls = await CrlPublisher.start({
  ...{ registry: immortal, issuing, clock: systemClock, statusUrl, log },
  store: await CrlStore.open({ folder: layout.crls, registry }),
  builder: new CrlThread(layout.registry.database),
  metrics: { published() {}, failed() {} },
});
registry.write = async (...args) => {
  await at('before commit');
  const result = await write(...args);
  await at('after commit');
  return result;
};
const context = {
  registry,
  issuing,
  clock: systemClock,
  statusUrl,
  keys: {
    signerOf: (...args) => keys.signerOf(...args),
    async generate(kind) {
      const key = await keys.generate(kind);
      return {
        ...key,
        async keep(certificate) {
          await key.keep(certificate);
          await at(`${kind} key kept`);
        },
      };
    },
  },
  publishTrustAnchors: async () => at('before the trust anchors'),
  renewServerCertificates: async () => at('before the listeners'),
  log,
  crls,
  settleTime: 0,
};
if (command === 'retire') await retireCa(context, 'operator:admin', fingerprint, { lockOut: 100 });
else await rotateCa(context, 'operator:admin', { root: command === 'rotate-root' });
