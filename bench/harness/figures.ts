/** Figures as people read them. */

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-GB');
}

export function fixed(value: number, digits = 2): string {
  return value.toFixed(digits);
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
