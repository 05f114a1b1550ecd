-- CreateTable
CREATE TABLE "model_failures" (
    "id" UUID NOT NULL,
    "request_id" TEXT,
    "message_id" UUID,
    "reason" TEXT NOT NULL,
    "status" INTEGER,
    "provider_request_id" TEXT,
    "network" TEXT,
    "provider_message" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "model_failures_pkey" PRIMARY KEY ("id")
);
