-- The messages of a conversation become a tree, of which one path is current (docs/decisions/0052-a-conversation-shows-one-branch-of-its-tree.md).
ALTER TABLE "messages" ADD COLUMN "parent_id" UUID;
ALTER TABLE "messages" ADD COLUMN "position" INTEGER;
ALTER TABLE "messages" ADD COLUMN "is_current" BOOLEAN NOT NULL DEFAULT true;

-- What is there becomes one branch, in the order of the ids, with each reply right behind its question. The index of the text is
-- made anew, since adding a million changed rows to it one by one takes several times as long.
DROP INDEX "messages_text_idx";
UPDATE "messages" AS m SET "parent_id" = place."parent_id", "position" = place."position"
FROM (
    SELECT "id", coalesce(lag("id") OVER talk, "conversation_id") AS "parent_id", row_number() OVER talk - 1 AS "position"
    FROM "messages"
    WINDOW talk AS (
        PARTITION BY "conversation_id" ORDER BY coalesce("reply_to_id", "id"), "reply_to_id" IS NOT NULL, "id"
    )
) AS place
WHERE place."id" = m."id";
ALTER TABLE "messages" ALTER COLUMN "parent_id" SET NOT NULL;
ALTER TABLE "messages" ALTER COLUMN "position" SET NOT NULL;
CREATE INDEX "messages_text_idx" ON "messages" USING GIN (("content"->>'text') gin_trgm_ops);

-- CreateIndex
CREATE INDEX "messages_parent_id_idx" ON "messages"("parent_id");

-- All that follows is by hand: Prisma's schema has neither partial indexes nor functions nor triggers.

-- A conversation has one current branch, and a page of it is a range of this index.
CREATE UNIQUE INDEX "messages_current_branch_key" ON "messages"("conversation_id", "position") WHERE "is_current";

-- The leaf below a message (or a conversation) that was added last; null where nothing is below it.
CREATE FUNCTION "newest_leaf"(top UUID) RETURNS UUID LANGUAGE sql STABLE AS $$
  WITH RECURSIVE below AS (
    SELECT m.id FROM messages m WHERE m.parent_id = top
    UNION ALL
    SELECT m.id FROM messages m JOIN below ON m.parent_id = below.id
  )
  SELECT below.id FROM below
  WHERE NOT EXISTS (SELECT 1 FROM messages child WHERE child.parent_id = below.id)
  ORDER BY below.id DESC LIMIT 1
$$;

-- Makes the current branch end with this message, or be empty where it is the conversation. Costs as much as the branches differ.
-- Its caller has locked the conversation's row.
CREATE FUNCTION "select_branch"(talk UUID, tip UUID) RETURNS void LANGUAGE plpgsql AS $$
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
  UPDATE messages m SET is_current = false WHERE m.conversation_id = talk AND m.is_current AND m.position > fork;
  UPDATE messages m SET is_current = true WHERE m.id = ANY (path);
END
$$;

-- A message without a place, as the release before adds it, continues the current branch.
CREATE FUNCTION "place_message"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM conversations c WHERE c.id = NEW.conversation_id FOR NO KEY UPDATE;
  SELECT m.id, m.position + 1 INTO NEW.parent_id, NEW.position FROM messages m
  WHERE m.conversation_id = NEW.conversation_id AND m.is_current ORDER BY m.position DESC LIMIT 1;
  NEW.parent_id := coalesce(NEW.parent_id, NEW.conversation_id);
  NEW.position := coalesce(NEW.position, 0);
  NEW.is_current := true;
  RETURN NEW;
END
$$;

CREATE TRIGGER "messages_place" BEFORE INSERT ON "messages"
FOR EACH ROW WHEN (NEW."position" IS NULL) EXECUTE FUNCTION "place_message"();

-- What followed deleted messages follows their parents; a current branch that lost its end goes on to the newest leaf. There is
-- no foreign key for this: it would act before the trigger. A conversation that is deleted with its messages has no row any more.
CREATE FUNCTION "close_gaps"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  talk UUID;
  tip UUID;
BEGIN
  FOR talk IN
    SELECT c.id FROM conversations c WHERE c.id IN (SELECT gone.conversation_id FROM gone) ORDER BY c.id FOR NO KEY UPDATE
  LOOP
    WITH RECURSIVE up AS (
      SELECT gone.id, gone.parent_id FROM gone WHERE gone.conversation_id = talk
      UNION ALL
      SELECT up.id, gone.parent_id FROM up JOIN gone ON gone.id = up.parent_id
    )
    UPDATE messages m SET parent_id = up.parent_id FROM up
    WHERE m.parent_id = up.id AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.id = up.parent_id);

    IF EXISTS (SELECT 1 FROM gone WHERE gone.conversation_id = talk AND gone.is_current) THEN
      SELECT m.id INTO tip FROM messages m
      WHERE m.conversation_id = talk AND m.is_current ORDER BY m.position DESC LIMIT 1;
      tip := newest_leaf(coalesce(tip, talk));
      IF tip IS NOT NULL THEN
        PERFORM select_branch(talk, tip);
      END IF;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

CREATE TRIGGER "messages_close_gaps" AFTER DELETE ON "messages"
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION "close_gaps"();
