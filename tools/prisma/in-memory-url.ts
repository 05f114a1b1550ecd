/**
 * The datasource URL that stands for an empty PGlite in the schema engine's memory. A URL of PostgreSQL's form, since the
 * CLI checks that, whose parts make sense in its line `Datasource "db": PostgreSQL database "in-memory" ... at "pglite"`.
 */
export const IN_MEMORY_URL = 'postgresql://pglite/in-memory';
