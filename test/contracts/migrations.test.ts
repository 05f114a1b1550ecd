import { describe, expect, it } from '@jest/globals';
import { narrowingStatements } from '../../tools/migrations/narrowing.js';

describe('a migration', () => {
  it.each([
    'ALTER TABLE "users" DROP COLUMN "name"',
    'DROP TABLE "users"',
    'ALTER TABLE "users" RENAME COLUMN "name" TO "title"',
    'ALTER TABLE "users" ALTER COLUMN "name" SET NOT NULL',
    'ALTER TABLE "users" ALTER COLUMN "name" DROP DEFAULT',
    'ALTER TABLE "users" ALTER COLUMN "age" SET DATA TYPE SMALLINT',
    'ALTER TABLE "users" ADD COLUMN "a" TEXT, ADD COLUMN "name" TEXT NOT NULL',
    'ALTER TABLE "users" ADD CONSTRAINT "adult" CHECK (age > 17)',
    'CREATE UNIQUE INDEX "users_name_key" ON "users" (lower("name"))',
    'TRUNCATE "users"',
  ])('breaks the release before: %s', (statement) => {
    expect(narrowingStatements(`-- CreateTable\nCREATE TABLE "others" ("id" UUID);\n${statement};\n`)).toEqual([
      statement,
    ]);
  });

  it.each([
    'ALTER TABLE "users" ADD COLUMN "name" TEXT, ADD COLUMN "age" INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE "users" ALTER COLUMN "name" DROP NOT NULL',
    'ALTER TYPE "Kind" ADD VALUE \'NEW\'',
    'DROP INDEX "users_name_idx"',
    'CREATE INDEX "users_name_idx" ON "users" ("name")',
    'CREATE TABLE "notes" ("id" UUID NOT NULL); CREATE UNIQUE INDEX "notes_key" ON "notes"("id")',
    'CREATE FUNCTION tidy() RETURNS void LANGUAGE sql AS $$ TRUNCATE notes; DROP TABLE notes; $$',
    '-- DROP TABLE "users"',
  ])('lets the release before go on: %s', (statement) => {
    expect(narrowingStatements(`${statement};`)).toEqual([]);
  });
});
