/** What enroll answers of the registry's size, and of what left it. Times are ISO 8601 in UTC. */

/** GET /api/v1/journal/archives */
export interface JournalArchiveView {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of its last row: what the next one builds on. */
  readonly lastHash: string;
  readonly file: string;
  /** Hex, over the file. */
  readonly sha256: string;
  readonly bytes: number;
  readonly archivedAt: string;
}

/** GET /api/v1/housekeeping; POST /api/v1/housekeeping/run answers it with 202, while the run goes on. */
export interface HousekeepingView {
  /** Seconds; null for ever. */
  readonly retention: number | null;
  /** What ended by then goes; null where everything stays. */
  readonly before: string | null;
  readonly running: boolean;
  readonly lastRun: HousekeepingRunView | null;
  /** What would go now; null where everything stays. */
  readonly due: HousekeepingDue | null;
  readonly registry: {
    readonly bytes: number;
    /** Free within, and taken by new rows before the file grows. */
    readonly freeBytes: number;
  };
  /** Up to which row the journal is in archives; null where it is in none. */
  readonly lastArchive: JournalArchiveView | null;
}

/** Counted up to 10,000 each, but for the rows of the journal. */
export interface HousekeepingDue {
  readonly certificates: number;
  readonly tokens: number;
  /** That nobody decided or fetched in time; those of the certificates and tokens go with them. */
  readonly requests: number;
  /** Into an archive: none until there is a week of them, or 50,000. */
  readonly journalRows: number;
}

export interface HousekeepingRunView {
  readonly startedAt: string;
  readonly endedAt: string;
  /** How many left the registry. */
  readonly certificates: number;
  readonly tokens: number;
  readonly tokenUses: number;
  readonly requests: number;
  readonly journalRows: number;
  readonly archives: number;
  /** What kept it from its end; null where nothing did. */
  readonly failure: string | null;
}
