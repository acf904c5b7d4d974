/** Sizes as people write them: 4GB, 1MB, 128KB, 512B, or a plain number of bytes. */

const SIZE = /^(\d{1,12})(B|KB|MB|GB)?$/;
const UNITS = { B: 1, KB: 1024, MB: 1024 * 1024, GB: 1024 * 1024 * 1024 } as const;

/** Bytes; a KB is 1,024 of them. Null where `text` is no size. */
export function parseSize(text: string): number | null {
  const [, digits, unit = 'B'] = SIZE.exec(text) ?? [];
  if (digits === undefined) return null;
  return Number(digits) * UNITS[unit as keyof typeof UNITS];
}
