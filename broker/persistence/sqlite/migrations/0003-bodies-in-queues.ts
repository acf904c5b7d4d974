/**
 * The body of a message that waits for one session alone stands with its place in the queue: one row in place of two.
 * What may have been sent is told by one number a session, and not in each row.
 */
export const bodiesInQueues = `
-- NULL where the body is in \`messages\`, which \`message\` names, or where PUBREL stands in its place.
ALTER TABLE queue ADD COLUMN topic TEXT;
ALTER TABLE queue ADD COLUMN payload ANY;
ALTER TABLE queue ADD COLUMN retain INTEGER;

-- Everything in its queue up to this place may have been sent, and whatever has a message id of its own.
ALTER TABLE sessions ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
`;
