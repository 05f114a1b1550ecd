-- CreateTable
CREATE TABLE "event_feeds" (
    "id" UUID NOT NULL,
    "last_sequence" INTEGER NOT NULL,

    CONSTRAINT "event_feeds_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "feed_events" (
    "feed_id" UUID NOT NULL,
    "sequence" INTEGER NOT NULL,
    "event" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "feed_events_pkey" PRIMARY KEY ("feed_id", "sequence")
);

-- CreateIndex
CREATE INDEX "feed_events_created_at_idx" ON "feed_events"("created_at");
