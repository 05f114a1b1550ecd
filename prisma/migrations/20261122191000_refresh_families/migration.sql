-- AlterEnum
ALTER TYPE "RevocationReason" ADD VALUE 'REFRESH_TOKEN_REUSED';

-- DropIndex
DROP INDEX "sessions_refresh_token_hash_key";

-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "family_hash" BYTEA,
ADD COLUMN     "previous_token_hash" BYTEA,
ADD COLUMN     "rotated_at" TIMESTAMPTZ(3),
ADD COLUMN     "successor_salt" BYTEA;

-- By hand: a session is found by the family of its refresh token. Where there is none, the whole token is its family: so it is
-- of sessions from before this migration, and of those that the release before this one opens while both are running.
-- Prisma's schema cannot express it; its drift check passes over an index on an expression.
CREATE UNIQUE INDEX "sessions_family_key" ON "sessions" (COALESCE("family_hash", "refresh_token_hash"));
