-- By hand: a part of a message's text, in any case, is found through its trigrams. Prisma's schema can express neither the
-- extension nor the index; its drift check passes over an index on an expression. Whoever may create in the database may
-- create this extension; where that is denied, an administrator creates it first, and this passes over it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX "messages_text_idx" ON "messages" USING GIN (("content"->>'text') gin_trgm_ops);
