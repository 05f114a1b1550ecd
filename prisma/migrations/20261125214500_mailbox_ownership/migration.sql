-- AlterTable
ALTER TABLE "users" ADD COLUMN     "mailbox_proven_at" TIMESTAMPTZ(3),
ADD COLUMN     "credentials_epoch" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "login_challenges" ADD COLUMN     "credentials_epoch" INTEGER NOT NULL DEFAULT 0;
