-- AlterEnum
ALTER TYPE "AuditAction" ADD VALUE 'MODEL_BREAKER_CLOSED';

-- CreateTable
CREATE TABLE "model_breaker_closings" (
    "model" TEXT NOT NULL,
    "closed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "model_breaker_closings_pkey" PRIMARY KEY ("model")
);
