-- AlterEnum
ALTER TYPE "UsageKind" ADD VALUE 'CORRECTION';
ALTER TYPE "AuditAction" ADD VALUE 'USAGE_CORRECTED';

-- AlterTable
ALTER TABLE "usage_entries" ADD COLUMN "messages" INTEGER;

-- CreateTable
CREATE TABLE "usage_corrections" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "admin_id" UUID,
    "messages" INTEGER NOT NULL,
    "tokens" INTEGER NOT NULL,
    "reason" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "usage_corrections_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "usage_corrections_user_id_id_idx" ON "usage_corrections"("user_id", "id" DESC);
