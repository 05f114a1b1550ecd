/** Why the service cannot start, in the operator's terms: the message is enough, a stack trace adds nothing. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}
