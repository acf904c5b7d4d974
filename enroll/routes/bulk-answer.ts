/** The answer to a change that concerns many: NDJSON that says whom it concerns, how far it is, and how it ended. */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ChangeAnswer, ChangeCounts, ChangeResult } from '../../core/api/bulk.ts';
import type { Problem } from '../../core/api/problem.ts';
import { answerWhileWriting, lineOf } from '../bulk/answer.ts';
import { NDJSON } from '../bulk/ndjson.ts';
import type { RefusalReporter } from '../http/http-server.ts';
import type { BulkChange } from '../use-cases/revoking/bulk-change.ts';
import { refuseUnconfirmed } from '../use-cases/revoking/bulk-terms.ts';

type Counts = Pick<ChangeCounts, 'devices' | 'certificates'>;

export interface BulkCall {
  readonly change: BulkChange;
  readonly dryRun: boolean;
  /** How many it concerns, by the registry as it stands. */
  readonly of: number;
  /** How many it may concern, since some may be added until it is made. */
  readonly atMost: number;
  /** How many were named that are so already. */
  readonly unchanged?: (changed: number) => number;
  readonly onEnd?: () => void;
}

export type BulkAnswerer = (request: FastifyRequest, reply: FastifyReply, call: BulkCall) => FastifyReply;

export function createBulkAnswer(report: RefusalReporter): BulkAnswerer {
  return (request, reply, { change, dryRun, of, atMost, unchanged = () => 0, onEnd = () => {} }) => {
    const resultOf = (counts: Counts): ChangeResult => ({
      dryRun,
      counts: { ...counts, unchanged: unchanged(counts.devices || counts.certificates) },
    });
    if (dryRun) {
      const answer = Readable.from(foretold(change, resultOf, (error) => report(error, request)));
      answer.once('close', onEnd);
      return reply.type(NDJSON).send(answer);
    }
    refuseUnconfirmed(of, { atMost });
    return reply.type(NDJSON).send(
      answerWhileWriting({
        of,
        write: async (telling) => resultOf(await change.make(request.actor, { atMost, ...telling })),
        problemOf: (error) => report(error, request),
        onEnd,
      }),
    );
  };
}

/** Read no faster than it is sent. */
async function* foretold(
  { foretell }: BulkChange,
  resultOf: (counts: Counts) => ChangeResult,
  problemOf: (error: unknown) => Problem,
): AsyncGenerator<string> {
  const sum = { devices: 0, certificates: 0 };
  const say = (line: ChangeAnswer) => lineOf(line);
  try {
    for await (const { line, counts } of foretell()) {
      sum.devices += counts.devices;
      sum.certificates += counts.certificates;
      yield say(line);
    }
    yield say({ result: resultOf(sum) });
  } catch (error) {
    yield say({ problem: problemOf(error) });
  }
}
