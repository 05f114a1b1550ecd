-- What the model is asked for a title counts in the ledger by itself.
ALTER TYPE "UsageKind" ADD VALUE 'TITLE';

-- Once asked for a title, the model is not asked again for the same conversation.
ALTER TABLE "conversations" ADD COLUMN "is_title_asked" BOOLEAN NOT NULL DEFAULT false;
