/** What calls that change what devices may do say of sessions that stand: the broker's authorization/ does it. */
export const LIVE =
  'Live sessions have it within a second, and stay: subscriptions that are no longer granted end, and what waits under them is not delivered.';
