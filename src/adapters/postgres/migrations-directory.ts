/** The folder of this release's migrations; the path is the same from `src` and from `dist`. */
export const MIGRATIONS = new URL('../../../prisma/migrations/', import.meta.url);
