/**
 * The part of structured logging that the product needs; a `pino` logger fits. Fields never hold passwords, tokens, keys or
 * the text of messages.
 */
export interface Log {
  /** What only somebody who looks for a fault wants to see; a log may leave it out. */
  debug?(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
