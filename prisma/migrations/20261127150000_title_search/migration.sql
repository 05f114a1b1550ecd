-- Titles beside their owner, in a table of their own: a conversation's row changes with each message, and with it every index of the
-- table (docs/decisions/0096-titles-are-found-by-an-index.md).

-- Nobody changes conversations until this has ended, when the triggers are there that keep titles.
LOCK TABLE "conversations" IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE "conversation_titles" (
    "conversation_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "title" TEXT NOT NULL,

    CONSTRAINT "conversation_titles_pkey" PRIMARY KEY ("conversation_id")
);

INSERT INTO "conversation_titles" SELECT "id", "user_id", "title" FROM "conversations" WHERE "title" IS NOT NULL;

ALTER TABLE "conversation_titles" ADD CONSTRAINT "conversation_titles_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- All of the following is by hand: Prisma's schema has neither functions nor triggers. The next migration makes the index, for which
-- conversations need not be locked.

CREATE FUNCTION "keep_conversation_title"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.title IS NULL THEN
    DELETE FROM conversation_titles t WHERE t.conversation_id = NEW.id;
  ELSE
    INSERT INTO conversation_titles (conversation_id, user_id, title) VALUES (NEW.id, NEW.user_id, NEW.title)
    ON CONFLICT (conversation_id) DO UPDATE SET user_id = excluded.user_id, title = excluded.title;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER "conversations_title_added" AFTER INSERT ON "conversations" FOR EACH ROW
  WHEN (NEW."title" IS NOT NULL) EXECUTE FUNCTION "keep_conversation_title"();
CREATE TRIGGER "conversations_title_changed" AFTER UPDATE OF "title", "user_id" ON "conversations" FOR EACH ROW
  WHEN (NEW."title" IS DISTINCT FROM OLD."title" OR NEW."user_id" <> OLD."user_id") EXECUTE FUNCTION "keep_conversation_title"();

-- The ids of the user's conversations whose titles match a pattern, of which a list is made at less cost than by going through all.
-- Null where it is not: no index finds the pattern, of which `word` is the longest run of letters and digits; matches are frequent
-- among the newest conversations; or there are more than `most`.
CREATE FUNCTION "find_titles"(owner UUID, pattern TEXT, word TEXT, most INTEGER)
RETURNS UUID[] LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  NEWEST CONSTANT INTEGER := 100;
  FREQUENT CONSTANT INTEGER := 20;
  ids UUID[];
BEGIN
  IF length(word) < 3 OR show_trgm(word) = '{}' OR to_regclass('conversation_titles_owner_title_idx') IS NULL THEN
    RETURN NULL;
  END IF;
  IF FREQUENT <= (
    SELECT count(*) FROM (SELECT c.title FROM conversations c WHERE c.user_id = owner ORDER BY c.id DESC LIMIT NEWEST) AS near
    WHERE near.title ILIKE pattern
  ) THEN
    RETURN NULL;
  END IF;
  ids := ARRAY(
    SELECT near.conversation_id FROM (
      SELECT t.conversation_id, t.user_id FROM conversation_titles t
      WHERE uuid_hash_extended(t.user_id, 0) = uuid_hash_extended(owner, 0) AND t.title ILIKE pattern OFFSET 0
    ) AS near WHERE near.user_id = owner LIMIT most + 1);
  RETURN CASE WHEN cardinality(ids) <= most THEN ids END;
END
$$;
