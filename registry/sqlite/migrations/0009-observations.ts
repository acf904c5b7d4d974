/**
 * What is observed of devices (registry/observations.ts). A device that is removed takes what was observed of it along.
 * `topic` is '' where there is none, since in an index no NULL is another one's equal.
 */
export const observations = `
CREATE TABLE reports (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  taken INTEGER NOT NULL
) STRICT;

CREATE TABLE brokerRuns (
  id INTEGER PRIMARY KEY,
  startedAt INTEGER NOT NULL UNIQUE,
  lastAt INTEGER NOT NULL,
  endedAt INTEGER
) STRICT;

CREATE TABLE sightings (
  device TEXT PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
  run INTEGER NOT NULL,
  connectedAt INTEGER NOT NULL,
  disconnectedAt INTEGER,
  reason TEXT,
  sessions INTEGER NOT NULL,
  clientId TEXT NOT NULL,
  address TEXT NOT NULL,
  tlsVersion TEXT,
  serialNumber TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE refusals (
  id INTEGER PRIMARY KEY,
  device TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
  action TEXT NOT NULL,
  rule TEXT NOT NULL,
  topic TEXT NOT NULL,
  count INTEGER NOT NULL,
  firstAt INTEGER NOT NULL,
  lastAt INTEGER NOT NULL,
  detail TEXT NOT NULL,
  serialNumber TEXT,
  clientId TEXT,
  address TEXT NOT NULL,
  UNIQUE (device, action, rule, topic)
) STRICT;
CREATE INDEX refusalsByDevice ON refusals (device, lastAt);
CREATE INDEX refusalsByAge ON refusals (lastAt);

CREATE TABLE claims (
  id INTEGER PRIMARY KEY,
  claimed TEXT NOT NULL,
  action TEXT NOT NULL,
  rule TEXT NOT NULL,
  topic TEXT NOT NULL,
  count INTEGER NOT NULL,
  firstAt INTEGER NOT NULL,
  lastAt INTEGER NOT NULL,
  detail TEXT NOT NULL,
  serialNumber TEXT,
  clientId TEXT,
  address TEXT NOT NULL,
  UNIQUE (claimed, rule, address)
) STRICT;
CREATE INDEX claimsByName ON claims (claimed, lastAt);
CREATE INDEX claimsByAddress ON claims (address, lastAt);
CREATE INDEX claimsByAge ON claims (lastAt);
`;
