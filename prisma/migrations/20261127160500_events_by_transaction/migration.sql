-- A migration of its own, for which nobody need wait who reads events.
-- CreateIndex
CREATE INDEX "feed_events_transaction_id_idx" ON "feed_events"("transaction_id");
