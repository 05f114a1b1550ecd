-- AlterEnum
ALTER TYPE "AuditAction" ADD VALUE 'ANNOUNCEMENT_CREATED';
ALTER TYPE "AuditAction" ADD VALUE 'ANNOUNCEMENT_UPDATED';
ALTER TYPE "AuditAction" ADD VALUE 'ANNOUNCEMENT_ENDED';

-- CreateEnum
CREATE TYPE "AnnouncementLevel" AS ENUM ('INFO', 'WARNING', 'CRITICAL');

-- CreateTable
CREATE TABLE "announcements" (
    "id" UUID NOT NULL,
    "text" TEXT NOT NULL,
    "level" "AnnouncementLevel" NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "announcements_pkey" PRIMARY KEY ("id"),
    -- One that was ended before it began has both at that time.
    CONSTRAINT "announcements_end_check" CHECK ("ends_at" >= "starts_at")
);

-- Those that have not ended are read by everyone who comes, and are few among all that ever were.
CREATE INDEX "announcements_end_idx" ON "announcements" (coalesce("ends_at", 'infinity'::timestamptz));
