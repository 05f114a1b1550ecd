import type { TokenScope } from './token-scopes.js';

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
  | 'PRECONDITION_FAILED'
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

/** A personal access token was not given the scope that this needs, or this is open to no token (`scope` is null then). */
export class MissingScope extends Forbidden {
  constructor(readonly scope: TokenScope | null) {
    super(scope === null ? 'This is not open to access tokens: log in' : `This token lacks the scope ${scope}`);
  }
  override get details() {
    return { scope: this.scope };
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
  readonly #retryAfterSeconds: number | undefined;
  /** @param options with `retryAfterSeconds` for a conflict that passes: whole seconds, at least 1 */
  constructor(message: string, { retryAfterSeconds }: { readonly retryAfterSeconds?: number } = {}) {
    super(message);
    this.#retryAfterSeconds = retryAfterSeconds;
  }
  override get details(): Readonly<Record<string, unknown>> | undefined {
    return this.#retryAfterSeconds === undefined ? undefined : { retryAfter: this.#retryAfterSeconds };
  }
}

/** The thing has changed since the client read it (`ifVersion`, `If-Match`). */
export class PreconditionFailed extends DomainError {
  readonly code = 'PRECONDITION_FAILED';
  constructor() {
    super('Precondition failed');
  }
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

/** The plan's limit is reached; a larger plan would help, or for a limit of a day, the next UTC day. */
export class QuotaExceeded extends DomainError {
  readonly code = 'QUOTA_EXCEEDED';
  /** @param resetsAt when the limit's day ends; absent for a limit that no time lifts */
  constructor(
    message = 'Upgrade required',
    readonly resetsAt?: Date,
  ) {
    super(message);
  }
  override get details() {
    return this.resetsAt && { resetsAt: this.resetsAt.toISOString() };
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

/** What an operator gets to know of a failure of the model's provider. */
export interface UpstreamEvidence {
  readonly status?: number;
  readonly providerRequestId?: string;
  readonly network?: string;
  readonly providerMessage?: string;
}

/**
 * The model's provider failed. `reason` is ours, not the provider's text, which can hold keys and addresses: that is in
 * `evidence`, redacted, for operators.
 */
export class UpstreamFailed extends DomainError {
  readonly code = 'UPSTREAM_FAILED';
  constructor(
    readonly reason: string,
    message = 'OpenAI request failed',
    readonly evidence: UpstreamEvidence = {},
    /** Whether the provider is at fault, and not the question: another model may answer it. */
    readonly anotherMayAnswer = false,
  ) {
    super(message);
  }
  override get details() {
    return { source: 'openai', reason: this.reason };
  }
}

/** The model's provider was not asked: it has failed several times, and is left alone for a while. */
export class UpstreamResting extends UpstreamFailed {
  constructor(reason: string) {
    super(reason, undefined, {}, true);
  }
}

/** Something that this request needs is not configured or temporarily unavailable; a retry may succeed. */
export class Unavailable extends DomainError {
  readonly code = 'UNAVAILABLE';
  readonly #retryAfterSeconds: number | undefined;
  /** @param options with `retryAfterSeconds` where it is known when a retry may succeed: whole seconds, at least 1 */
  constructor(message: string, { retryAfterSeconds, ...options }: ErrorOptions & { retryAfterSeconds?: number } = {}) {
    super(message, options);
    this.#retryAfterSeconds = retryAfterSeconds;
  }
  override get details() {
    return this.#retryAfterSeconds === undefined ? undefined : { retryAfter: this.#retryAfterSeconds };
  }
}
