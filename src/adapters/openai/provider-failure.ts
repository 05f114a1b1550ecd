import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';

/** Messages to clients about provider failures: our own, since the provider's text can hold keys and addresses. */
export const FAILURE_REASONS = {
  authentication: "the model's provider refused the service's credentials",
  connectionLost: "the connection to the model's provider was lost",
  contextExceeded: 'the conversation is too long for the model',
  quotaExhausted: "the service's account with the model's provider is used up",
  rateLimited: "the model's provider is rate limiting",
  rejected: "the model's provider rejected the request",
  timeout: "the model's provider took too long",
  unavailable: "the model's provider is unavailable",
  unreadable: "the model's provider sent an unreadable answer",
} as const;

type FailureKind = keyof typeof FAILURE_REASONS;

/** Failures worth retrying. Not `timeout`: the user has already waited long. */
const RETRYABLE: ReadonlySet<FailureKind> = new Set(['connectionLost', 'rateLimited', 'unavailable']);

/** One failed attempt, described in terms that are safe to log and to show. */
export class ProviderFailure extends Error {
  readonly retryable: boolean;
  constructor(
    readonly kind: FailureKind,
    /** Identifiers that help an operator find the failure at the provider; none of its text. */
    readonly evidence: {
      readonly status?: number;
      readonly providerRequestId?: string;
      readonly network?: string;
    } = {},
    /** The provider's `Retry-After` in milliseconds; null when it sent none. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(FAILURE_REASONS[kind]);
    this.retryable = RETRYABLE.has(kind);
  }
}

/** Converts any error of the client library to a {@link ProviderFailure}. */
export function toProviderFailure(error: unknown): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  if (error instanceof APIConnectionTimeoutError) return new ProviderFailure('timeout');
  if (error instanceof APIConnectionError) return new ProviderFailure('connectionLost', networkEvidence(error.cause));
  if (error instanceof APIError) return fromAnswer(error);
  if (error instanceof SyntaxError) return new ProviderFailure('unreadable');
  // undici reports a connection that breaks in the middle of an answer as `TypeError: terminated`.
  return new ProviderFailure('connectionLost', networkEvidence(error instanceof Error ? error.cause : undefined));
}

/** The properties of the library's `APIError` that are read here; a non-conforming server may omit some. */
interface ErrorAnswer {
  readonly status?: number | undefined;
  readonly code?: unknown;
  readonly type?: unknown;
  readonly headers?: Headers | undefined;
  readonly requestID?: string | null | undefined;
}

function fromAnswer(answer: ErrorAnswer): ProviderFailure {
  const { status, requestID } = answer;
  const evidence = {
    ...(status === undefined ? {} : { status }),
    ...(requestID == null ? {} : { providerRequestId: requestID }),
  };
  return new ProviderFailure(kindOf(answer), evidence, retryAfterMs(answer.headers));
}

/** @see https://platform.openai.com/docs/guides/error-codes and, for 402, https://openrouter.ai/docs/api-reference/errors */
function kindOf({ status, code, type }: ErrorAnswer): FailureKind {
  if (code === 'insufficient_quota' || type === 'insufficient_quota' || status === 402) return 'quotaExhausted';
  if (code === 'context_length_exceeded') return 'contextExceeded';
  if (status === 401 || status === 403) return 'authentication';
  if (status === 429 || code === 'rate_limit_exceeded') return 'rateLimited';
  // Without a status the error came inside the stream, where providers report their own trouble; 408 and 409 are that too.
  if (status === undefined || status >= 500 || status === 408 || status === 409) return 'unavailable';
  return 'rejected';
}

/** `Retry-After` in seconds or as a date, or OpenAI's finer `retry-after-ms`. */
function retryAfterMs(headers: Headers | undefined): number | null {
  const milliseconds = headers?.get('retry-after-ms');
  if (milliseconds != null && Number.isFinite(Number(milliseconds))) return Math.max(0, Number(milliseconds));
  const value = headers?.get('retry-after');
  if (value == null) return null;
  const delay = Number.isFinite(Number(value)) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(delay) ? null : Math.max(0, delay);
}

/** The system's code of a network error, as `ECONNREFUSED`; undici nests it one or two causes deep. */
function networkEvidence(cause: unknown): { readonly network?: string } {
  for (let error = cause; typeof error === 'object' && error !== null; error = 'cause' in error ? error.cause : null) {
    if ('code' in error && typeof error.code === 'string') return { network: error.code };
  }
  return {};
}
