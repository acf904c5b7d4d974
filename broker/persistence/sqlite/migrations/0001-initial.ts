/**
 * The first schema. A queue is a range of rows, in order, and small ones: the body of a message stands in
 * `messages` once, however many sessions wait for it, and goes with the last of them.
 */
export const initial = `
CREATE TABLE boots (count INTEGER NOT NULL) STRICT;
INSERT INTO boots VALUES (0);

-- clientId is NULL once a session has been discarded and its queue is still being cleared away.
CREATE TABLE sessions (
  number INTEGER PRIMARY KEY,
  clientId TEXT UNIQUE
) STRICT;

CREATE TABLE subscriptions (
  session INTEGER NOT NULL,
  filter TEXT NOT NULL,
  options TEXT NOT NULL,
  PRIMARY KEY (session, filter)
) STRICT, WITHOUT ROWID;

-- A message id is there from the moment that the message may be sent; released, PUBREL stands in its place.
CREATE TABLE queue (
  session INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  messageId INTEGER,
  released INTEGER NOT NULL,
  qos INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  message INTEGER,
  PRIMARY KEY (session, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
  number INTEGER PRIMARY KEY,
  receivers INTEGER NOT NULL,
  topic TEXT NOT NULL,
  payload ANY NOT NULL,
  retain INTEGER NOT NULL,
  brokerId TEXT,
  brokerCounter INTEGER
) STRICT;

CREATE TABLE halfReceived (
  session INTEGER NOT NULL,
  messageId INTEGER NOT NULL,
  PRIMARY KEY (session, messageId)
) STRICT, WITHOUT ROWID;

CREATE TABLE retained (
  topic TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  qos INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;

CREATE TABLE wills (
  clientId TEXT PRIMARY KEY,
  brokerId TEXT NOT NULL,
  topic TEXT NOT NULL,
  qos INTEGER NOT NULL,
  retain INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
`;
