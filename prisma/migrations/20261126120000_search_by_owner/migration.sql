-- A search reads what its user has, and no more than a bound of it (docs/decisions/0069-a-search-is-bounded-by-its-user.md).
-- In the order in which the service locks them: in another one, its transactions would be ended as deadlocks.
LOCK TABLE "conversations", "messages";
ALTER TABLE "messages" ADD COLUMN "owner_id" UUID;

-- As where messages became a tree: the index of the text is made anew, which is faster than to change every entry.
DROP INDEX "messages_text_idx";
UPDATE "messages" AS m SET "owner_id" = c."user_id" FROM "conversations" c WHERE c."id" = m."conversation_id";
ALTER TABLE "messages" ALTER COLUMN "owner_id" SET NOT NULL;

-- CreateIndex
CREATE INDEX "messages_owner_id_id_idx" ON "messages"("owner_id", "id");

-- A conversation counts the messages on all its branches, too, by the triggers that count those of the current one.
ALTER TABLE "conversations" ADD COLUMN "total_count" INTEGER NOT NULL DEFAULT 0;
UPDATE "conversations" AS c SET "total_count" = talk."count"
FROM (SELECT m."conversation_id" AS "id", count(*) AS "count" FROM "messages" m GROUP BY m."conversation_id") AS talk
WHERE talk."id" = c."id";

-- All that follows is by hand: Prisma's schema has neither functions nor triggers, nor extensions.

-- The release before adds messages without an owner.
CREATE FUNCTION "own_message"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT c.user_id INTO NEW.owner_id FROM conversations c WHERE c.id = NEW.conversation_id;
  RETURN NEW;
END
$$;

CREATE TRIGGER "messages_own" BEFORE INSERT ON "messages"
FOR EACH ROW WHEN (NEW."owner_id" IS NULL) EXECUTE FUNCTION "own_message"();

-- Trigrams beside their owner: what several keys of an index of this kind have in common is found without reading rows. Whoever
-- may create in the database may create the extension; where that is denied and no administrator has created it, the texts are
-- indexed as before, and a search walks instead.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS btree_gin;
  CREATE INDEX "messages_owner_text_idx" ON "messages"
  USING GIN (uuid_hash_extended("owner_id", 0), ("content"->>'text') gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
  CREATE INDEX "messages_text_idx" ON "messages" USING GIN (("content"->>'text') gin_trgm_ops);
END
$$;

-- The user's messages before an id whose text matches a pattern, newest first: `wanted` of them at most, and at most `reach`
-- messages are looked at. Where the last of these is not the user's last, and there were not as many as wanted, it comes too,
-- as no match. The order is that of the index in both columns, so that no other index can serve it.
CREATE FUNCTION "walk_messages"(owner UUID, pattern TEXT, before UUID, wanted INTEGER, reach INTEGER)
RETURNS TABLE (message_id UUID, is_match BOOLEAN) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off AS $$
DECLARE
  found_here INTEGER;
BEGIN
  RETURN QUERY SELECT near.id, true FROM (
    SELECT m.id, m.content->>'text' AS text FROM messages m
    WHERE m.owner_id >= owner AND (m.owner_id, m.id) < (owner, before)
    ORDER BY m.owner_id DESC, m.id DESC LIMIT reach
  ) AS near WHERE near.text ILIKE pattern LIMIT wanted;
  GET DIAGNOSTICS found_here = ROW_COUNT;
  IF found_here < wanted THEN
    RETURN QUERY SELECT m.id, false FROM messages m
    WHERE m.owner_id >= owner AND (m.owner_id, m.id) < (owner, before)
    ORDER BY m.owner_id DESC, m.id DESC OFFSET reach - 1 LIMIT 1;
  END IF;
END
$$;

-- Some of the user's messages before an id whose text matches a pattern, in no order: `most` at most, found by their trigrams.
CREATE FUNCTION "look_up_messages"(owner UUID, pattern TEXT, before UUID, most INTEGER)
RETURNS SETOF UUID LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY SELECT near.id FROM (
    SELECT m.id, m.owner_id FROM messages m
    WHERE uuid_hash_extended(m.owner_id, 0) = uuid_hash_extended(owner, 0) AND m.content->>'text' ILIKE pattern
    OFFSET 0
  ) AS near WHERE near.owner_id = owner AND near.id < before LIMIT most;
END
$$;

-- Whether `look_up_messages` reads an index. `word` is the longest run of letters and digits in what is searched for.
CREATE FUNCTION "can_look_up"(word TEXT) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
  SELECT length(word) >= 3 AND show_trgm(word) <> '{}' AND to_regclass('messages_owner_text_idx') IS NOT NULL
$$;

-- As `walk_messages`, with a walk that is short where words are frequent, and an index where they are rare: only what is
-- neither, or has no word, takes a long walk.
CREATE FUNCTION "search_messages"(owner UUID, pattern TEXT, word TEXT, before UUID, wanted INTEGER)
RETURNS TABLE (message_id UUID, is_match BOOLEAN) LANGUAGE plpgsql STABLE ROWS 20 AS $$
DECLARE
  SHORT_WALK CONSTANT INTEGER := 100;
  LONG_WALK CONSTANT INTEGER := 10000;
  MOST CONSTANT INTEGER := 2000;
  step RECORD;
  found_here INTEGER := 0;
  stop UUID;
  ids UUID[];
BEGIN
  FOR step IN SELECT * FROM walk_messages(owner, pattern, before, wanted, SHORT_WALK) LOOP
    IF step.is_match THEN
      message_id := step.message_id;
      is_match := true;
      found_here := found_here + 1;
      RETURN NEXT;
    ELSE
      stop := step.message_id;
    END IF;
  END LOOP;
  IF stop IS NULL THEN
    RETURN;
  END IF;
  IF can_look_up(word) THEN
    ids := ARRAY(SELECT look_up_messages(owner, pattern, stop, MOST + 1));
    IF cardinality(ids) <= MOST THEN
      RETURN QUERY SELECT id, true FROM unnest(ids) AS id ORDER BY id DESC LIMIT wanted - found_here;
      RETURN;
    END IF;
  END IF;
  RETURN QUERY SELECT * FROM walk_messages(owner, pattern, stop, wanted - found_here, LONG_WALK);
END
$$;

-- How many of the user's messages match a pattern, up to `most`; of a pattern that no index finds, among the latest ones.
CREATE FUNCTION "count_messages"(owner UUID, pattern TEXT, word TEXT, most INTEGER)
RETURNS INTEGER LANGUAGE plpgsql STABLE AS $$
DECLARE
  HIGHEST CONSTANT UUID := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  LONG_WALK CONSTANT INTEGER := 10000;
BEGIN
  IF can_look_up(word) THEN
    RETURN (SELECT count(*) FROM look_up_messages(owner, pattern, HIGHEST, most));
  END IF;
  RETURN (SELECT count(*) FROM walk_messages(owner, pattern, HIGHEST, most, LONG_WALK) AS step WHERE step.is_match);
END
$$;

-- As before, and counts the messages of all branches.
CREATE OR REPLACE FUNCTION "count_added"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE conversations c SET
    total_count = c.total_count + (SELECT count(*) FROM added WHERE added.conversation_id = c.id),
    message_count = c.message_count + (
      SELECT count(*) FROM added WHERE added.conversation_id = c.id AND added.is_current),
    unread_count = c.unread_count + (
      SELECT count(*) FROM added
      WHERE added.conversation_id = c.id AND added.is_current AND added.user_id IS NULL
        AND (c.read_id IS NULL OR added.id > c.read_id))
  WHERE c.id IN (SELECT added.conversation_id FROM added);
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION "count_deleted"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE conversations c SET
    total_count = c.total_count - (SELECT count(*) FROM gone WHERE gone.conversation_id = c.id),
    message_count = c.message_count - (SELECT count(*) FROM gone WHERE gone.conversation_id = c.id AND gone.is_current),
    unread_count = c.unread_count - (
      SELECT count(*) FROM gone
      WHERE gone.conversation_id = c.id AND gone.is_current AND gone.user_id IS NULL
        AND (c.read_id IS NULL OR gone.id > c.read_id))
  WHERE c.id IN (SELECT gone.conversation_id FROM gone);
  RETURN NULL;
END
$$;
