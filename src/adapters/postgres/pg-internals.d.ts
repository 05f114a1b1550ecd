/** Parts of `pg` that it exports, but does not describe. */
declare module 'pg/lib/utils.js' {
  /** As PostgreSQL reads it: text, null, or bytes. */
  export function prepareValue(value: unknown): string | Buffer | null;
}
