/** The LIKE pattern of a search for `text` anywhere: what LIKE would read as a wildcard is taken literally. */
export function containsPattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`;
}
