/** Of this release, beside `src` and `dist`. */
export const MIGRATIONS = new URL('../../../prisma/migrations/', import.meta.url);
