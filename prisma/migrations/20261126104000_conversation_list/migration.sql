-- What a list of conversations shows of each (docs/decisions/0067-a-conversation-counts-its-own-messages.md).
ALTER TABLE "conversations" ADD COLUMN "is_pinned" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "conversations" ADD COLUMN "is_archived" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "conversations" ADD COLUMN "label" TEXT;
ALTER TABLE "conversations" ADD COLUMN "message_count" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "conversations" ADD COLUMN "unread_count" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "conversations" ADD COLUMN "read_id" UUID;

-- What is there counts as read.
UPDATE "conversations" AS c SET "message_count" = talk."count", "read_id" = talk."newest"
FROM (
    SELECT m."conversation_id" AS "id", count(*) FILTER (WHERE m."is_current") AS "count",
        (array_agg(m."id" ORDER BY m."id" DESC))[1] AS "newest"
    FROM "messages" m GROUP BY m."conversation_id"
) AS talk
WHERE talk."id" = c."id";

-- The counts are kept by the database, in the transaction of each change, so that they are exact whichever release makes it.
-- Unread is what the model wrote on the current branch after the message that was read last. Ids sort by time.
CREATE FUNCTION "count_added"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE conversations c SET
    message_count = c.message_count + (
      SELECT count(*) FROM added WHERE added.conversation_id = c.id AND added.is_current),
    unread_count = c.unread_count + (
      SELECT count(*) FROM added
      WHERE added.conversation_id = c.id AND added.is_current AND added.user_id IS NULL
        AND (c.read_id IS NULL OR added.id > c.read_id))
  WHERE c.id IN (SELECT added.conversation_id FROM added WHERE added.is_current);
  RETURN NULL;
END
$$;

CREATE TRIGGER "messages_count_added" AFTER INSERT ON "messages"
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "count_added"();

-- As before, and counts what leaves the branch and what comes to it.
CREATE OR REPLACE FUNCTION "select_branch"(talk UUID, tip UUID) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  fork INTEGER;
  path UUID[];
BEGIN
  WITH RECURSIVE up AS (
    SELECT m.id, m.parent_id, m.position, m.is_current FROM messages m WHERE m.id = tip
    UNION ALL
    SELECT m.id, m.parent_id, m.position, m.is_current FROM messages m JOIN up ON m.id = up.parent_id
    WHERE NOT up.is_current
  )
  SELECT coalesce(max(up.position) FILTER (WHERE up.is_current), -1), array_agg(up.id) FILTER (WHERE NOT up.is_current)
  INTO fork, path FROM up;
  WITH hidden AS (
    UPDATE messages m SET is_current = false WHERE m.conversation_id = talk AND m.is_current AND m.position > fork
    RETURNING m.id, m.user_id
  )
  UPDATE conversations c SET
    message_count = c.message_count - (SELECT count(*) FROM hidden),
    unread_count = c.unread_count - (
      SELECT count(*) FROM hidden WHERE hidden.user_id IS NULL AND (c.read_id IS NULL OR hidden.id > c.read_id))
  WHERE c.id = talk;
  WITH shown AS (
    UPDATE messages m SET is_current = true WHERE m.id = ANY (path) RETURNING m.id, m.user_id
  )
  UPDATE conversations c SET
    message_count = c.message_count + (SELECT count(*) FROM shown),
    unread_count = c.unread_count + (
      SELECT count(*) FROM shown WHERE shown.user_id IS NULL AND (c.read_id IS NULL OR shown.id > c.read_id))
  WHERE c.id = talk;
END
$$;

-- Before the branch of what is left is made whole, which the trigger after this one does: triggers run in the order of their names.
CREATE FUNCTION "count_deleted"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE conversations c SET
    message_count = c.message_count - (SELECT count(*) FROM gone WHERE gone.conversation_id = c.id AND gone.is_current),
    unread_count = c.unread_count - (
      SELECT count(*) FROM gone
      WHERE gone.conversation_id = c.id AND gone.is_current AND gone.user_id IS NULL
        AND (c.read_id IS NULL OR gone.id > c.read_id))
  WHERE c.id IN (SELECT gone.conversation_id FROM gone WHERE gone.is_current);
  RETURN NULL;
END
$$;

CREATE TRIGGER "messages_a_count_deleted" AFTER DELETE ON "messages"
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION "count_deleted"();
