/** Empties the tables of the product, in one statement. Without triggers, since the audit log's refuses to be emptied. */
export const EMPTY_TABLES = `
  DO $$ BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE (
      SELECT 'TRUNCATE ' || string_agg(format('%I', tablename), ', ') FROM pg_tables
      WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'
    );
    SET LOCAL session_replication_role = origin;
  END $$`;
