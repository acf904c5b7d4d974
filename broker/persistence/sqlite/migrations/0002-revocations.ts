/** How much of what revocations end has been removed from this store. */
export const revocations = `
-- All rows of the registry's journal up to this one have taken effect here. The hash is of that row.
CREATE TABLE journalApplied (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT;

-- Of these devices, the revocations up to this row have, ahead of the others'.
CREATE TABLE revocationsAhead (
  device TEXT PRIMARY KEY,
  seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;
