import { DomainError, type ErrorCode } from '../../../kernel/errors.js';

/** What is stored with a key. */
export type Outcome =
  | { readonly kind: 'result'; readonly result: unknown }
  | {
      readonly kind: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>> | null;
    }
  /** The call answers from what its act remembered. */
  | { readonly kind: 'memento'; readonly memento: unknown };

/**
 * Errors that the same call would meet again, so that it is told the same. Of the others, some pass (a limit, an outage), and a
 * plan or a login may have changed.
 */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'BAD_USER_INPUT',
  'CONFLICT',
  'FORBIDDEN',
  'NOT_FOUND',
  'PRECONDITION_FAILED',
]);

/** @returns null for an error that is not kept */
export function errorOutcome(error: DomainError): (Outcome & { readonly kind: 'error' }) | null {
  const { code, message, details } = error;
  return FINAL.has(code) ? { kind: 'error', code, message, details: details ?? null } : null;
}

/** Whether the act has answered, even if by an error: what it counted or noted before is kept. An outage is no answer. */
export function isAnswer(error: unknown): error is DomainError {
  return error instanceof DomainError && error.code !== 'UNAVAILABLE';
}

/** An error that an earlier call was answered with. */
export class RepeatedError extends DomainError {
  readonly code: ErrorCode;
  readonly #details: Readonly<Record<string, unknown>> | undefined;

  constructor({ code, message, details }: Outcome & { readonly kind: 'error' }) {
    super(message);
    this.code = code;
    this.#details = details ?? undefined;
  }

  override get details(): Readonly<Record<string, unknown>> | undefined {
    return this.#details;
  }
}
