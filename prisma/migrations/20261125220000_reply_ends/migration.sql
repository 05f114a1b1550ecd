-- AlterTable
ALTER TABLE "messages" ADD COLUMN     "ends_given" INTEGER[] DEFAULT ARRAY[]::INTEGER[];
