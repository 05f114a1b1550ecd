-- AlterEnum
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


ALTER TYPE "AuditAction" ADD VALUE 'ACCOUNT_CHANGE_UNDONE';
ALTER TYPE "AuditAction" ADD VALUE 'RECOVERY_CODES_REPLACED';

-- DropIndex
DROP INDEX "sessions_user_id_idx";

-- CreateTable
CREATE TABLE "account_changes" (
    "id" BIGSERIAL NOT NULL,
    "user_id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "email_key" TEXT NOT NULL,
    "is_verified" BOOLEAN NOT NULL,
    "verified_at" TIMESTAMPTZ(3),
    "mailbox_proven_at" TIMESTAMPTZ(3),
    "is_reserved" BOOLEAN NOT NULL,
    "token_hash" BYTEA,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "account_changes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "email_changes" (
    "user_id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "code_hash" BYTEA,
    "tries" INTEGER NOT NULL DEFAULT 0,
    "counted_since" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "email_changes_pkey" PRIMARY KEY ("user_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "account_changes_token_hash_key" ON "account_changes"("token_hash");

-- CreateIndex
CREATE INDEX "account_changes_user_id_id_idx" ON "account_changes"("user_id", "id");

-- CreateIndex
CREATE INDEX "account_changes_email_key_idx" ON "account_changes"("email_key");

-- CreateIndex
CREATE INDEX "account_changes_expires_at_idx" ON "account_changes"("expires_at");

-- CreateIndex
CREATE INDEX "email_changes_expires_at_idx" ON "email_changes"("expires_at");

-- CreateIndex
CREATE INDEX "sessions_user_id_id_idx" ON "sessions"("user_id", "id" DESC);

-- AddForeignKey
ALTER TABLE "account_changes" ADD CONSTRAINT "account_changes_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "email_changes" ADD CONSTRAINT "email_changes_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
