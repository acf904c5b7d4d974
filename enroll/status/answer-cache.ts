/**
 * Signed OCSP answers, kept to be handed out again: as many as there is room for, the ones not asked for longest going
 * first. Whether one is still true is for whoever takes it out to find out.
 */

export interface AnswerCacheLimits {
  readonly maxEntries: number;
  /** Of answers and requests together; what else an entry takes is a few hundred bytes. */
  readonly maxBytes: number;
}

export class AnswerCache<Answer extends { readonly der: Uint8Array }> {
  readonly #limits: AnswerCacheLimits;
  /** In the order of their last use. */
  readonly #answers = new Map<string, Answer>();
  #bytes = 0;

  constructor(limits: AnswerCacheLimits) {
    this.#limits = limits;
  }

  get(request: string): Answer | undefined {
    const answer = this.#answers.get(request);
    if (answer === undefined) return undefined;
    this.#answers.delete(request);
    this.#answers.set(request, answer);
    return answer;
  }

  /** Takes the place of the answer to this request that was kept before. */
  put(request: string, answer: Answer): void {
    this.drop(request);
    this.#answers.set(request, answer);
    this.#bytes += sizeOf(request, answer);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.#limits.maxEntries && this.#bytes <= this.#limits.maxBytes) break;
      this.drop(oldest);
    }
  }

  drop(request: string): void {
    const answer = this.#answers.get(request);
    if (answer === undefined) return;
    this.#answers.delete(request);
    this.#bytes -= sizeOf(request, answer);
  }
}

function sizeOf(request: string, { der }: { readonly der: Uint8Array }): number {
  return request.length + der.length;
}
