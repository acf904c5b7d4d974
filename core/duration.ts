/** Lengths of time as people write them: 15m, 24h, 30d. */

const DURATION = /^(\d{1,9})(ms|s|m|h|d|y)$/;
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, y: 365 * 86_400_000 } as const;

/** Milliseconds; null where `text` is no duration. A day is 24 hours, a year 365 days. */
export function parseDuration(text: string): number | null {
  const [, digits, unit] = DURATION.exec(text) ?? [];
  if (digits === undefined) return null;
  return Number(digits) * UNITS[unit as keyof typeof UNITS];
}

/** The same for people, in the largest unit that leaves no rest. @param duration ms, whole */
export function formatDuration(duration: number): string {
  const units = ['d', 'h', 'm', 's'] as const;
  const unit = duration === 0 ? 's' : (units.find((one) => duration % UNITS[one] === 0) ?? 'ms');
  return `${duration / UNITS[unit]}${unit}`;
}
