import { createHash } from 'node:crypto';
import { PreconditionFailed } from './errors.js';

/**
 * The version of something with these values: it changes with each of them, and is the same on every instance. 132 bits of
 * SHA-256, in characters that an entity tag may have.
 */
export function versionOf(...values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url').slice(0, 22);
}

/**
 * Checks a version before a change: `expected` lists those that the client knows. Null and undefined expect nothing.
 * @throws PreconditionFailed
 */
export function expectVersion(present: string, expected: readonly string[] | null | undefined): void {
  if (expected != null && !expected.includes(present)) throw new PreconditionFailed();
}
