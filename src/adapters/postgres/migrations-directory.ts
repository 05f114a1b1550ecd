/** This release's migrations, in a folder beside `src` and `dist`. */
export const MIGRATIONS = new URL('../../../prisma/migrations/', import.meta.url);
