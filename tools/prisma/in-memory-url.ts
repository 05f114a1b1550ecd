/**
 * The datasource URL for an empty PGlite in the schema engine's memory. It has the form of a PostgreSQL URL, which the CLI
 * requires, with parts that make sense in the CLI's line `Datasource "db": PostgreSQL database "in-memory" ... at "pglite"`.
 */
export const IN_MEMORY_URL = 'postgresql://pglite/in-memory';
