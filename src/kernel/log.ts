/**
 * Structured logging, as far as the product needs it; a `pino` logger is one. Fields never hold passwords, tokens, keys or
 * the text of messages.
 */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
