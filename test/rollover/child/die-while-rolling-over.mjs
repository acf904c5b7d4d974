// A rollover that is killed between two of its steps. Runs on the build (dist).
// Arguments: data folder, status URL, step to die at, then `rotate`, `rotate-root`, or `retire FINGERPRINT`.
import { openData } from '../../../dist/enroll/open-data.js';
import { retireCa } from '../../../dist/enroll/rollover/retire-ca.js';
import { rotateCa } from '../../../dist/enroll/rollover/rotate-ca.js';
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

const opened = await openData(readSettings({ data }, {}), systemClock, new Closers());
const { registry, keys, issuing } = opened;
const write = registry.write.bind(registry);
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
  log: createLogger('test', { level: 'silent', format: 'json' }),
  settleTime: 0,
};
if (command === 'retire') await retireCa(context, 'operator:admin', fingerprint, { lockOut: 100 });
else await rotateCa(context, 'operator:admin', { root: command === 'rotate-root' });
