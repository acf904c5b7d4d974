/** How enroll answers what may be more than one answer holds. */

/** A page; `next` is the value for `?after=` of the next one, null on the last. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}
