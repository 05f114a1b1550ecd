/** What breaks a service that does not know of it: it reads what is gone, or writes rows without what is asked for. */
const NARROWING: readonly RegExp[] = [
  /\bDROP\s+(TABLE|COLUMN|TYPE|VIEW|SCHEMA|FUNCTION)\b/i,
  /\bDROP\s+DEFAULT\b/i,
  /\bRENAME\b/i,
  /^TRUNCATE\b/i,
  /\bSET\s+NOT\s+NULL\b/i,
  /\bALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE\b/i,
];
const ADDED_COLUMN = /\bADD\s+COLUMN\s+[^,;]*/gi;
const ADDED_RULE = /^ALTER\s+TABLE\s+(?<table>\S+)\s+ADD\s+CONSTRAINT\s+\S+\s+(CHECK|UNIQUE|EXCLUDE|FOREIGN)\b/i;
const UNIQUE_INDEX = /^CREATE\s+UNIQUE\s+INDEX\s+.*?\sON\s+(?<table>[^\s(]+)/is;

/**
 * The statements of a migration that only a service of the same release can live with, on one line each. What functions do when they are
 * called is not looked at.
 */
export function narrowingStatements(sql: string): string[] {
  const statements = statementsOf(sql);
  const own = new Set(statements.map((text) => /^CREATE\s+TABLE\s+([^\s(]+)/i.exec(text)?.[1]));
  return statements.filter((text) => {
    if (NARROWING.some((pattern) => pattern.test(text))) return true;
    const columns = text.match(ADDED_COLUMN) ?? [];
    if (columns.some((column) => /\bNOT\s+NULL\b/i.test(column) && !/\bDEFAULT\b/i.test(column))) return true;
    const table = (ADDED_RULE.exec(text) ?? UNIQUE_INDEX.exec(text))?.groups?.['table'];
    return table !== undefined && !own.has(table);
  });
}

/** Without comments and the bodies of functions, each on one line. */
function statementsOf(sql: string): string[] {
  return sql
    .replaceAll(/--.*$/gm, '')
    .replaceAll(/(\$\w*\$).*?\1/gs, "''")
    .split(';')
    .map((text) => text.replaceAll(/\s+/g, ' ').trim())
    .filter((text) => text !== '');
}
