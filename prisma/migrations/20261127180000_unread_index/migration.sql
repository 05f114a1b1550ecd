-- A list of unread conversations reads them alone, in either order. By hand: Prisma's schema has no partial indexes. No conversation
-- changes until this has ended, which reads the table twice.
CREATE INDEX "conversations_unread_idx" ON "conversations" ("user_id", "id" DESC) WHERE "unread_count" > 0;
CREATE INDEX "conversations_unread_by_activity_idx" ON "conversations" ("user_id", "updated_at" DESC, "id" DESC) WHERE "unread_count" > 0;
