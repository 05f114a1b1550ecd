-- In the order in which the service locks them: in another one, its transactions would be ended as deadlocks.
LOCK TABLE "usage_entries", "conversations", "messages";

-- What a conversation asks the model for. Null: the default.
ALTER TABLE "conversations"
    ADD COLUMN "model" TEXT,
    ADD COLUMN "instructions" TEXT,
    ADD COLUMN "temperature" DOUBLE PRECISION,
    ADD COLUMN "max_tokens" INTEGER;

-- Of a reply: which model writes it, and once it has ended what that took. It is read as a whole; what is added up is in the ledger.
ALTER TABLE "messages" ADD COLUMN "generation" JSONB;

-- The ledger says which model was used and what it cost: in whole units of the currency, to the last digit.
ALTER TABLE "usage_entries"
    ADD COLUMN "model" TEXT,
    ADD COLUMN "cached_tokens" INTEGER,
    ADD COLUMN "completion_tokens" INTEGER,
    ADD COLUMN "reasoning_tokens" INTEGER,
    ADD COLUMN "cost" DECIMAL(24,12);

ALTER TABLE "model_failures" ADD COLUMN "model" TEXT;
