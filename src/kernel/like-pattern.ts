/** Escapes the wildcard characters of LIKE, which Prisma's `contains` does not. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, String.raw`\$&`);
}

/** The LIKE pattern that finds `text` anywhere, with its wildcard characters escaped. */
export function containsPattern(text: string): string {
  return `%${escapeLike(text)}%`;
}

/** The longest run of letters and digits, by which an index of trigrams finds a text; empty where there is none. */
export function longestWordIn(text: string): string {
  const words = text.match(/[\p{L}0-9]+/gu) ?? [];
  return words.reduce((longest, word) => (word.length > longest.length ? word : longest), '');
}
