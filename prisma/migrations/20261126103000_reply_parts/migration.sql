-- A reply is more than text: reasoning, calls of tools, and their results are events of its stream, too.
ALTER TABLE "messages" ADD COLUMN "parts" JSONB;
ALTER TABLE "messages" ADD COLUMN "other_events" INTEGER NOT NULL DEFAULT 0;
-- A reply that waits for the results of tool calls is bound to no instance.
ALTER TABLE "messages" ADD COLUMN "waits_until" TIMESTAMPTZ(3);
CREATE INDEX "messages_waits_until_idx" ON "messages" ("waits_until") WHERE "waits_until" IS NOT NULL;
-- Of a question: what the model may call, and the form of its answer, to go on with and to ask again with.
ALTER TABLE "messages" ADD COLUMN "ask_options" JSONB;
