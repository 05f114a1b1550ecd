/** The code of an error of Node's or of a server's client, as `ENOENT`; undefined where it has none. */
export function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** Whether a file or folder was not there. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}
