/** Enrollments that wait for an operator: for how long, and how often the device asks meanwhile. */

/** Whether enrolling into a group takes an operator's word. */
export const approvals = ['none', 'required'] as const;
export type Approval = (typeof approvals)[number];

export const requestStatuses = ['pending', 'approved', 'denied', 'issued'] as const;
/** `approved` until the device has fetched its certificate, which makes it `issued`. */
export type RequestStatus = (typeof requestStatuses)[number];

/**
 * ms after which a request that nobody decided, or an approval that nobody fetched, is void. Over a weekend and the
 * day after it somebody looks; a device that asks no more by then will hardly ask again.
 */
export const REQUEST_LIFETIME = 7 * 86_400_000;

/** Whoever installs a device often stands beside the operator: at first it hears of the decision at once. */
const SHORTEST_WAIT_S = 5;
const LONGEST_WAIT_S = 15 * 60;

/**
 * Seconds until the device is to ask again (Retry-After): half of what it has waited already, so that requests which
 * lie for days cost next to nothing.
 * @param waited ms since the request was made
 */
export function retryAfter(waited: number): number {
  return Math.min(Math.max(Math.ceil(waited / 2_000), SHORTEST_WAIT_S), LONGEST_WAIT_S);
}
