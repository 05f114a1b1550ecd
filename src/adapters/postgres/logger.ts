type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** What the database says to the operator; a pino logger fits. It is never given statements, values or credentials. */
export interface DatabaseLogger {
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}
