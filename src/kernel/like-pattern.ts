/** Escapes the wildcard characters of LIKE, which Prisma's `contains` does not. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, String.raw`\$&`);
}

/** The LIKE pattern that finds `text` anywhere, with its wildcard characters escaped. */
export function containsPattern(text: string): string {
  return `%${escapeLike(text)}%`;
}
