/** What is counted of OCSP: answers by what they say, whether they were signed for it, and how long they took. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { OcspRefusal, OcspStatus } from '../../core/pki/ocsp.ts';

/** `kept`: handed out again. `signed`: made for this request. Refusals carry no signature. */
export type OcspSource = 'kept' | 'signed' | 'refused';

export interface OcspMetrics {
  /** @param outcomes one for each certificate asked about, or the refusal alone @param seconds it took */
  answered(
    outcomes: readonly (OcspStatus['status'] | OcspRefusal)[],
    source: OcspSource,
    seconds: number,
  ): void;
}

/** From a kept answer on a fast machine to a signature that waited for its turn. */
const BUCKETS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1];

export function createOcspMetrics(registry: Registry): OcspMetrics {
  const answers = new Counter({
    name: 'gatehouse_ocsp_answers_total',
    help: 'Certificates that were asked about by OCSP, and requests that were refused, by what was answered',
    labelNames: ['answer'],
    registers: [registry],
  });
  const times = new Histogram({
    name: 'gatehouse_ocsp_seconds',
    help: 'Time that an OCSP request took to answer, by whether the answer was kept, signed or a refusal',
    labelNames: ['source'],
    buckets: BUCKETS,
    registers: [registry],
  });
  // Resolved once: this is on the path of every request.
  const bySource = {
    kept: times.labels('kept'),
    signed: times.labels('signed'),
    refused: times.labels('refused'),
  };
  return {
    answered(outcomes, source, seconds) {
      for (const answer of outcomes) answers.inc({ answer });
      bySource[source].observe(seconds);
    },
  };
}
