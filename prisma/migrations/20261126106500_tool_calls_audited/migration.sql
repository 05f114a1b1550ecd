-- AlterEnum
ALTER TYPE "AuditAction" ADD VALUE 'TOOL_CALLED';
