/**
 * The part of structured logging that the product needs; a `pino` logger fits. Fields never hold passwords, tokens, keys or
 * the text of messages.
 */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
