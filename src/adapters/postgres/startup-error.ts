/** Why the database could not be opened, in the operator's terms: the message is enough, a stack trace adds nothing. */
export class DatabaseStartupError extends Error {
  override readonly name = 'DatabaseStartupError';
}
