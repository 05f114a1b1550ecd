/**
 * The errors that a service throws on purpose. Each door turns one into its own wire format (`doors/error-map.ts`);
 * anything else that is thrown is masked and logged. `message` is read by clients: it is part of the contracts.
 */

/** The value of `extensions.code` in GraphQL; REST clients see the status and the message. */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'BAD_USER_INPUT'
  | 'QUOTA_EXCEEDED'
  | 'RATE_LIMITED'
  | 'UPSTREAM_FAILED'
  | 'UNAVAILABLE';

export abstract class DomainError extends Error {
  abstract readonly code: ErrorCode;
  /** Further data for the client: goes into `extensions` (GraphQL) or `data` (REST). */
  get details(): Readonly<Record<string, unknown>> | undefined {
    return undefined;
  }
  override get name(): string {
    return this.constructor.name;
  }
}

/** No credentials (`Missing credentials`) or bad ones (`Invalid token`, `Invalid credentials`). */
export class Unauthenticated extends DomainError {
  readonly code = 'UNAUTHENTICATED';
}

/** The request named nobody, as against naming somebody falsely. */
export class MissingCredentials extends Unauthenticated {
  constructor() {
    super('Missing credentials');
  }
}

export class Forbidden extends DomainError {
  readonly code = 'FORBIDDEN';
  constructor(message = 'Forbidden') {
    super(message);
  }
}

/** Also for something that belongs to another user: whether it exists is not disclosed. */
export class NotFound extends DomainError {
  readonly code = 'NOT_FOUND';
  /** @param what the thing as clients call it: `new NotFound('Conversation')` says "Conversation not found". */
  constructor(what: string) {
    super(`${what} not found`);
  }
}

export class Conflict extends DomainError {
  readonly code = 'CONFLICT';
}

/** One fault in the input. `field` is the dotted path in GraphQL (camelCase) names, as `input.email`. */
export interface Fault {
  readonly field: string;
  readonly message: string;
}

/** Input of the right types that breaks a rule. Carries every fault, not just the first. */
export class Invalid extends DomainError {
  readonly code = 'BAD_USER_INPUT';
  constructor(
    readonly faults: readonly Fault[],
    message = 'Validation error',
  ) {
    super(message);
  }
  override get details() {
    return { errors: this.faults };
  }
}

/** The plan's limit is reached; a larger plan, or the next UTC day, would help. */
export class QuotaExceeded extends DomainError {
  readonly code = 'QUOTA_EXCEEDED';
  constructor(message = 'Upgrade required') {
    super(message);
  }
}

export class RateLimited extends DomainError {
  readonly code = 'RATE_LIMITED';
  /** @param retryAfterSeconds whole seconds, at least 1, until the next try can succeed */
  constructor(
    message: string,
    readonly retryAfterSeconds: number,
  ) {
    super(message);
  }
  override get details() {
    return { retryAfter: this.retryAfterSeconds };
  }
}

/** The model's provider failed. `reason` is ours, not the provider's text, which can hold keys and addresses. */
export class UpstreamFailed extends DomainError {
  readonly code = 'UPSTREAM_FAILED';
  constructor(
    readonly reason: string,
    message = 'OpenAI request failed',
  ) {
    super(message);
  }
  override get details() {
    return { source: 'openai', reason: this.reason };
  }
}

/** Something that this request needs is not configured or temporarily unavailable; a retry may succeed. */
export class Unavailable extends DomainError {
  readonly code = 'UNAVAILABLE';
}
