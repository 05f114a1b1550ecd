-- How many conversations a user has, and where their list is entered behind an offset
-- (docs/decisions/0081-a-list-of-conversations-is-counted-in-blocks.md).

-- Nobody changes conversations until this has ended, when the triggers are there that count.
LOCK TABLE "conversations" IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE "conversation_totals" (
    "user_id" UUID NOT NULL,
    "count" INTEGER NOT NULL,

    CONSTRAINT "conversation_totals_pkey" PRIMARY KEY ("user_id")
);

-- A block is a run of neighbours in a user's list: those from its first id on, up to the first id of the next block. It has a row for
-- each combination of marks in it, and none where it is empty.
CREATE TABLE "conversation_blocks" (
    "user_id" UUID NOT NULL,
    "first_id" UUID NOT NULL,
    "is_pinned" BOOLEAN NOT NULL,
    "is_archived" BOOLEAN NOT NULL,
    "label" TEXT NOT NULL,
    "count" INTEGER NOT NULL,

    CONSTRAINT "conversation_blocks_pkey" PRIMARY KEY ("user_id", "first_id", "is_pinned", "is_archived", "label")
);

ALTER TABLE "conversation_totals" ADD CONSTRAINT "conversation_totals_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "conversation_blocks" ADD CONSTRAINT "conversation_blocks_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "conversation_totals"("user_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Plans for any user expect a list of 100: for the few that the average user has, it seems as well to sort as to read in order, and a
-- long list is then read as a whole. The planner knows with the next ANALYZE.
ALTER TABLE "conversations" ALTER COLUMN "user_id" SET (n_distinct = -0.01);

-- All of the following is by hand: Prisma's schema has neither functions nor triggers. Whoever changes a user's blocks has locked
-- the row of their total before, so that what a statement sees of the conversations afterwards is what was counted, and its own.

-- The block that an id belongs to. What is before every block belongs to one that begins before every id.
CREATE FUNCTION "conversation_block"(owner UUID, conversation UUID) RETURNS UUID LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT b.first_id FROM conversation_blocks b
     WHERE b.user_id = owner AND b.first_id <= conversation ORDER BY b.first_id DESC LIMIT 1),
    '00000000-0000-0000-0000-000000000000'::uuid)
$$;

-- Makes blocks of 128 of what is in the block, and counts them anew.
CREATE FUNCTION "divide_conversations"(owner UUID, block UUID) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  next CONSTANT UUID := (
    SELECT b.first_id FROM conversation_blocks b WHERE b.user_id = owner AND b.first_id > block ORDER BY b.first_id LIMIT 1);
BEGIN
  DELETE FROM conversation_blocks b WHERE b.user_id = owner AND b.first_id = block;
  INSERT INTO conversation_blocks (user_id, first_id, is_pinned, is_archived, label, count)
  SELECT owner, part.first_id, part.is_pinned, part.is_archived, part.label, count(*) FROM (
    SELECT CASE WHEN placed.number = 0 THEN block ELSE first_value(placed.id) OVER (PARTITION BY placed.number ORDER BY placed.id) END
      AS first_id, placed.is_pinned, placed.is_archived, placed.label
    FROM (
      SELECT c.id, c.is_pinned, c.is_archived, coalesce(c.label, '') AS label, (row_number() OVER (ORDER BY c.id) - 1) / 128 AS number
      FROM conversations c
      WHERE c.user_id = owner AND c.id >= block AND c.id < coalesce(next, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
    ) AS placed
  ) AS part GROUP BY part.first_id, part.is_pinned, part.is_archived, part.label;
END
$$;

CREATE FUNCTION "count_conversations_added"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO conversation_totals AS t (user_id, count)
  SELECT a.user_id, count(*) FROM added a GROUP BY a.user_id ORDER BY a.user_id
  ON CONFLICT (user_id) DO UPDATE SET count = t.count + excluded.count;
  INSERT INTO conversation_blocks AS b (user_id, first_id, is_pinned, is_archived, label, count)
  SELECT a.user_id, conversation_block(a.user_id, a.id), a.is_pinned, a.is_archived, coalesce(a.label, ''), count(*)
  FROM added a GROUP BY 1, 2, 3, 4, 5
  ON CONFLICT (user_id, first_id, is_pinned, is_archived, label) DO UPDATE SET count = b.count + excluded.count;
  PERFORM divide_conversations(grown.user_id, grown.first_id)
  FROM (SELECT DISTINCT a.user_id, conversation_block(a.user_id, a.id) AS first_id FROM added a) AS grown
  WHERE 256 < (
    SELECT sum(b.count) FROM conversation_blocks b WHERE b.user_id = grown.user_id AND b.first_id = grown.first_id);
  RETURN NULL;
END
$$;

CREATE TRIGGER "conversations_count_added" AFTER INSERT ON "conversations"
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "count_conversations_added"();

CREATE FUNCTION "count_conversations_deleted"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM conversation_totals t WHERE t.user_id IN (SELECT g.user_id FROM gone g) ORDER BY t.user_id FOR NO KEY UPDATE;
  UPDATE conversation_totals t SET count = t.count - less.count
  FROM (SELECT g.user_id, count(*) AS count FROM gone g GROUP BY 1) AS less
  WHERE t.user_id = less.user_id;
  UPDATE conversation_blocks b SET count = b.count - less.count
  FROM (
    SELECT g.user_id, conversation_block(g.user_id, g.id) AS first_id, g.is_pinned, g.is_archived, coalesce(g.label, '') AS label,
      count(*) AS count
    FROM gone g GROUP BY 1, 2, 3, 4, 5
  ) AS less
  WHERE (b.user_id, b.first_id, b.is_pinned, b.is_archived, b.label)
    = (less.user_id, less.first_id, less.is_pinned, less.is_archived, less.label);
  DELETE FROM conversation_blocks b
  USING (SELECT DISTINCT g.user_id, conversation_block(g.user_id, g.id) AS first_id FROM gone g) AS shrunk
  WHERE b.user_id = shrunk.user_id AND b.first_id = shrunk.first_id AND b.count = 0;
  RETURN NULL;
END
$$;

CREATE TRIGGER "conversations_count_deleted" AFTER DELETE ON "conversations"
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION "count_conversations_deleted"();

-- The new row is counted before the old one is not, so that the last of a block does not leave it and come to the one before.
CREATE FUNCTION "count_conversation_changed"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  block UUID;
BEGIN
  PERFORM FROM conversation_totals t WHERE t.user_id IN (OLD.user_id, NEW.user_id) ORDER BY t.user_id FOR NO KEY UPDATE;
  IF OLD.user_id <> NEW.user_id THEN
    INSERT INTO conversation_totals AS t (user_id, count) VALUES (NEW.user_id, 1)
    ON CONFLICT (user_id) DO UPDATE SET count = t.count + 1;
    UPDATE conversation_totals t SET count = t.count - 1 WHERE t.user_id = OLD.user_id;
  END IF;
  INSERT INTO conversation_blocks AS b (user_id, first_id, is_pinned, is_archived, label, count)
  VALUES (NEW.user_id, conversation_block(NEW.user_id, NEW.id), NEW.is_pinned, NEW.is_archived, coalesce(NEW.label, ''), 1)
  ON CONFLICT (user_id, first_id, is_pinned, is_archived, label) DO UPDATE SET count = b.count + 1;
  block := conversation_block(OLD.user_id, OLD.id);
  UPDATE conversation_blocks b SET count = b.count - 1
  WHERE (b.user_id, b.first_id, b.is_pinned, b.is_archived, b.label)
    = (OLD.user_id, block, OLD.is_pinned, OLD.is_archived, coalesce(OLD.label, ''));
  DELETE FROM conversation_blocks b WHERE b.user_id = OLD.user_id AND b.first_id = block AND b.count = 0;
  RETURN NULL;
END
$$;

-- A message changes none of these columns, and does not come here.
CREATE TRIGGER "conversations_count_changed"
AFTER UPDATE OF "id", "user_id", "is_pinned", "is_archived", "label" ON "conversations" FOR EACH ROW
WHEN ((OLD."id", OLD."user_id", OLD."is_pinned", OLD."is_archived", OLD."label")
  IS DISTINCT FROM (NEW."id", NEW."user_id", NEW."is_pinned", NEW."is_archived", NEW."label"))
EXECUTE FUNCTION "count_conversation_changed"();

-- What is there. Only long lists are divided.
INSERT INTO "conversation_totals" ("user_id", "count") SELECT c."user_id", count(*) FROM "conversations" c GROUP BY c."user_id";
INSERT INTO "conversation_blocks" ("user_id", "first_id", "is_pinned", "is_archived", "label", "count")
SELECT c."user_id", '00000000-0000-0000-0000-000000000000'::uuid, c."is_pinned", c."is_archived", coalesce(c."label", ''), count(*)
FROM "conversations" c GROUP BY 1, 2, 3, 4, 5;
SELECT "divide_conversations"(t."user_id", '00000000-0000-0000-0000-000000000000') FROM "conversation_totals" t WHERE t."count" > 256;
