-- A list of conversations with a mark reads those alone, in either order, however few of a user's have it. No conversation changes
-- until this has ended, which reads the table six times.
CREATE INDEX "conversations_user_id_is_archived_id_idx" ON "conversations"("user_id", "is_archived", "id" DESC);
CREATE INDEX "conversations_user_id_is_archived_updated_at_id_idx" ON "conversations"("user_id", "is_archived", "updated_at" DESC, "id" DESC);

-- By hand: Prisma's schema has no partial indexes. Few conversations are pinned or have a label, and the others pay nothing for these.
CREATE INDEX "conversations_pinned_idx" ON "conversations" ("user_id", "id" DESC) WHERE "is_pinned";
CREATE INDEX "conversations_pinned_by_activity_idx" ON "conversations" ("user_id", "updated_at" DESC, "id" DESC) WHERE "is_pinned";
CREATE INDEX "conversations_label_idx" ON "conversations" ("user_id", "label", "id" DESC) WHERE "label" IS NOT NULL;
CREATE INDEX "conversations_label_by_activity_idx" ON "conversations" ("user_id", "label", "updated_at" DESC, "id" DESC) WHERE "label" IS NOT NULL;
