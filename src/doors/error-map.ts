import { GraphQLError, type GraphQLErrorExtensions } from 'graphql';
import { DomainError, type ErrorCode } from '../kernel/errors.js';
import type { Log } from '../kernel/log.js';
import { Refusal } from '../graphql/refusal.js';
import type { MapError } from '../graphql/pipeline.js';

/** The message that replaces the message of an unexpected error, which clients must not see. */
export const MASKED_MESSAGE = 'Internal server error';

const STATUS = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  PRECONDITION_FAILED: 412,
  BAD_USER_INPUT: 422,
  QUOTA_EXCEEDED: 403,
  RATE_LIMITED: 429,
  UPSTREAM_FAILED: 502,
  UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
} as const satisfies Record<ErrorCode | 'INTERNAL_SERVER_ERROR', number>;

/** The HTTP status of an error code; 500 for an unknown code. */
export function statusOf(code: unknown): number {
  return typeof code === 'string' && Object.hasOwn(STATUS, code) ? STATUS[code as keyof typeof STATUS] : 500;
}

/** The HTTP status of an error from the pipeline or a door. */
export function statusOfError(error: GraphQLError): number {
  return error instanceof Refusal ? error.status : statusOf(error.extensions['code']);
}

/** Response headers for an error. */
export function headersOfError(error: GraphQLError): Readonly<Record<string, string>> {
  if (error instanceof Refusal) return error.headers;
  const { code, retryAfter } = error.extensions;
  if (code === 'UNAUTHENTICATED') return { 'www-authenticate': 'Bearer' };
  if (typeof retryAfter === 'number') return { 'retry-after': String(retryAfter) };
  return {};
}

/** The domain error that a service threw, if the error is or wraps one. */
function domainErrorIn(error: unknown): DomainError | undefined {
  if (error instanceof DomainError) return error;
  return error instanceof GraphQLError ? domainErrorIn(error.originalError) : undefined;
}

/**
 * Whether the error is about an argument that can only be checked when its field runs, such as `null` from a variable for a
 * non-null type. graphql-js reports these with a location in the document, and errors in our own results without one.
 */
function isArgumentFault(error: GraphQLError): boolean {
  const { originalError } = error;
  if (originalError === undefined) return error.nodes !== undefined && error.path === undefined;
  return originalError instanceof GraphQLError && isArgumentFault(originalError);
}

/**
 * The parts of an unexpected error that are safe to log. Prisma's messages contain the whole call with its arguments before
 * the reason, and PostgreSQL's messages quote values after a colon on further lines, so only the last line of the message is
 * kept, with the frames of the stack.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const stack = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  const message = error.message.trimEnd().split('\n').at(-1)?.slice(0, 300);
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  return { type: error.name, message, ...code, stack: stack.join('\n'), ...cause };
}

/**
 * The one place where errors become what a client sees. A domain error gives its message, code and details; a refusal is
 * passed on; an argument that graphql-js refuses is BAD_USER_INPUT. Any other error is masked and logged. The request id is
 * in both the answer and the log, so that an operator can find the log entry.
 */
export function createErrorMap(log: Pick<Log, 'error'>): MapError {
  return (error, requestId) => {
    if (error instanceof Refusal) return error;
    const origin = error instanceof GraphQLError ? error : undefined;
    const domainError = domainErrorIn(error);
    if (domainError !== undefined) {
      const { code, details, message } = domainError;
      return new MappedError(message, origin, { code, ...details });
    }
    if (origin !== undefined && isArgumentFault(origin)) {
      return new MappedError(origin.message, origin, { code: 'BAD_USER_INPUT' });
    }
    const described = describeError(origin?.originalError ?? error);
    log.error({ requestId, path: origin?.path?.join('.'), error: described }, 'An unexpected error');
    return new MappedError(MASKED_MESSAGE, origin, { code: 'INTERNAL_SERVER_ERROR', requestId });
  };
}

class MappedError extends GraphQLError {
  /** Copied, since errors of compiled queries have locations but not the nodes that they normally come from. */
  override readonly locations: GraphQLError['locations'];

  constructor(message: string, origin: GraphQLError | undefined, extensions: GraphQLErrorExtensions) {
    super(message, { nodes: origin?.nodes ?? null, path: origin?.path ?? null, extensions });
    this.locations = origin?.locations;
  }
}
