-- Until this has ended, titles are not changed; messages are added meanwhile. By hand: Prisma's schema has no such indexes. Where
-- btree_gin could not be created when messages got one, titles are searched by going through them, as before.
DO $$
BEGIN
  CREATE INDEX "conversation_titles_owner_title_idx" ON "conversation_titles"
  USING GIN (uuid_hash_extended("user_id", 0), "title" gin_trgm_ops);
EXCEPTION WHEN undefined_object THEN
  NULL;
END
$$;
