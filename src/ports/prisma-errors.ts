import { Prisma } from '../generated/prisma/client.js';

/** Error codes of Prisma Client (https://www.prisma.io/docs/orm/reference/error-reference). */
const UNIQUE_CONSTRAINT_FAILED = 'P2002';
const RECORD_NOT_FOUND = 'P2025';

/** PostgreSQL's own code for the first, from SQL. */
const UNIQUE_VIOLATION = '23505';

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === code;
}

/** Whether a unique index refused what was written, by Prisma Client or by SQL. */
export function isDuplicate(error: unknown): boolean {
  const isViolation = error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION;
  return isViolation || hasCode(error, UNIQUE_CONSTRAINT_FAILED);
}

/** The row that was deleted, or null: Prisma throws where there was none. */
export async function deletedOrNull<Row>(deletion: Promise<Row>): Promise<Row | null> {
  try {
    return await deletion;
  } catch (error) {
    if (hasCode(error, RECORD_NOT_FOUND)) return null;
    throw error;
  }
}
