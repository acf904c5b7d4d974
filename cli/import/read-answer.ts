/** The answer to a call that changes many: how far it is, is shown; how it ended, is the result. */
import type { BulkAnswer } from '../../core/api/bulk.ts';
import { GatehouseError } from '../../core/errors.ts';
import { ReportedError } from '../../runtime/command-line/last-words.ts';

/** @throws ReportedError where the server refuses, then or later @throws GatehouseError `answer_incomplete` */
export async function readAnswer<Result, Other extends object = never>(
  answers: AsyncIterable<BulkAnswer<Result> | Other>,
  onWritten: (written: number, of: number) => void,
  onOther: (line: Other) => void = () => {},
): Promise<Result> {
  let isAnswering = false;
  try {
    for await (const answer of answers) {
      isAnswering = true;
      if ('result' in answer) return answer.result;
      if ('problem' in answer) throw new ReportedError(answer.problem);
      if ('written' in answer) onWritten(answer.written, answer.of);
      else onOther(answer);
    }
    throw new GatehouseError('answer_incomplete');
  } catch (error) {
    const lost = isAnswering && error instanceof GatehouseError && error.code === 'server_unreachable';
    throw lost ? new GatehouseError('answer_incomplete', error.message, { cause: error }) : error;
  }
}
