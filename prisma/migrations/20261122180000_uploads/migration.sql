-- CreateEnum
CREATE TYPE "UploadStatus" AS ENUM ('PENDING', 'STORED', 'DELETING');

-- CreateTable
CREATE TABLE "uploads" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "access_key" TEXT NOT NULL,
    "filename" TEXT NOT NULL,
    "content_type" TEXT NOT NULL,
    "size" INTEGER,
    "status" "UploadStatus" NOT NULL DEFAULT 'PENDING',
    "lease_expires_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "uploads_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "uploads_access_key_key" ON "uploads"("access_key");

-- CreateIndex
CREATE INDEX "uploads_user_id_id_idx" ON "uploads"("user_id", "id" DESC);

-- CreateIndex
CREATE INDEX "uploads_lease_expires_at_idx" ON "uploads"("lease_expires_at");

-- AddForeignKey
ALTER TABLE "uploads" ADD CONSTRAINT "uploads_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
