/** Why the service cannot start, for the operator: the message is printed without a stack trace. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}
