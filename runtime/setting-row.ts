/** What a setting is made of, and the forms that several settings have in common. */
import { z } from 'zod';

export interface SettingRow {
  readonly schema: z.ZodType;
  readonly default: unknown;
  /** What `--help` shows of the default, where it is not the value itself. */
  readonly defaultText?: string;
  /** What `--help` shows in place of the value. */
  readonly placeholder: string;
  /** What it takes, for the message that refuses a value. */
  readonly takes: string;
  readonly help: string;
  /** Whether the flag may be given several times, each adding to it. */
  readonly repeatable?: true;
}

/** Digits alone: what JavaScript would also take for a number (`''`, `0x1F`, `1e3`) is a mistake here. */
export const wholeNumber = (least: number, most: number) =>
  z
    .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
    .pipe(z.number().int().min(least).max(most));
