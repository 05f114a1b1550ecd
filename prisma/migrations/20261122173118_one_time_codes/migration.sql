-- CreateEnum
CREATE TYPE "OneTimeCodePurpose" AS ENUM ('PASSWORD_RESET', 'EMAIL_VERIFICATION');

-- AlterEnum
ALTER TYPE "RevocationReason" ADD VALUE 'PASSWORD_RESET';

-- CreateTable
CREATE TABLE "one_time_codes" (
    "purpose" "OneTimeCodePurpose" NOT NULL,
    "address_hash" BYTEA NOT NULL,
    "user_id" UUID,
    "code_hash" BYTEA NOT NULL,
    "tries" INTEGER NOT NULL DEFAULT 0,
    "counted_since" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "one_time_codes_pkey" PRIMARY KEY ("purpose","address_hash")
);

-- CreateTable
CREATE TABLE "rate_limits" (
    "rule" TEXT NOT NULL,
    "identity" BYTEA NOT NULL,
    "calls" TIMESTAMPTZ(6)[],
    "admitted" BOOLEAN NOT NULL,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "rate_limits_pkey" PRIMARY KEY ("rule","identity")
);

-- CreateIndex
CREATE INDEX "one_time_codes_user_id_idx" ON "one_time_codes"("user_id");

-- CreateIndex
CREATE INDEX "one_time_codes_counted_since_idx" ON "one_time_codes"("counted_since");

-- CreateIndex
CREATE INDEX "rate_limits_expires_at_idx" ON "rate_limits"("expires_at");

-- AddForeignKey
ALTER TABLE "one_time_codes" ADD CONSTRAINT "one_time_codes_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
