-- A reply is asked to stop in its row, so that it stops while no event bus can be reached.
ALTER TABLE "messages" ADD COLUMN "stop_requested_at" TIMESTAMPTZ(3);
-- False: question and reply are forgotten when there is no answer, also by recovery after a crash.
ALTER TABLE "messages" ADD COLUMN "keep_unanswered" BOOLEAN NOT NULL DEFAULT true;

-- How each model's provider counts tokens, compared with the service's tokenizer.
CREATE TABLE "token_rates" (
    "model" TEXT NOT NULL,
    "prompt_ratio" DOUBLE PRECISION NOT NULL,
    "answer_ratio" DOUBLE PRECISION NOT NULL,
    "prompt_overhead" INTEGER NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "token_rates_pkey" PRIMARY KEY ("model")
);
