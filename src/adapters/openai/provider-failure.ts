import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';

/** Messages to clients about provider failures: our own, since the provider's text can hold keys and addresses. */
export const FAILURE_REASONS = {
  authentication: "the model's provider refused the service's credentials",
  connectionLost: "the connection to the model's provider was lost",
  answerWithheld: "the model's provider withheld the answer",
  contextExceeded: 'the conversation is too long for the model',
  imagesUnread: 'the images of the question could not be read',
  noRoomForText: 'the model used up the length of its answer before it wrote any text',
  noText: 'the model answered without any text',
  quotaExhausted: "the service's account with the model's provider is used up",
  rateLimited: "the model's provider is rate limiting",
  rejected: "the model's provider rejected the request",
  resting: "the model's provider has failed several times and is not asked for a while",
  timeout: "the model's provider took too long",
  toolCall: 'the model asked for a tool instead of answering',
  unavailable: "the model's provider is unavailable",
  unreadable: "the model's provider sent an unreadable answer",
} as const;

type FailureKind = keyof typeof FAILURE_REASONS;

/** Failures worth retrying. Not `timeout`: the user has already waited long. */
const RETRYABLE: ReadonlySet<FailureKind> = new Set(['connectionLost', 'rateLimited', 'unavailable']);

/** Failures that the next question would meet, too. The others are about this question, which the provider has answered. */
const OF_PROVIDER: ReadonlySet<FailureKind> = new Set([
  'authentication',
  'connectionLost',
  'quotaExhausted',
  'rateLimited',
  'timeout',
  'unavailable',
  'unreadable',
]);

/** One failed attempt. Its message is safe to show; its evidence is for operators, once `providerMessage` is redacted. */
export class ProviderFailure extends Error {
  readonly retryable: boolean;
  readonly isOfProvider: boolean;
  constructor(
    readonly kind: FailureKind,
    /** What helps an operator find the cause. */
    readonly evidence: {
      readonly status?: number;
      readonly providerRequestId?: string;
      readonly network?: string;
      /** What the provider said, which can hold keys, addresses and the prompt. */
      readonly providerMessage?: string;
    } = {},
    /** The provider's `Retry-After` in milliseconds; null when it sent none. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(FAILURE_REASONS[kind]);
    this.retryable = RETRYABLE.has(kind);
    this.isOfProvider = OF_PROVIDER.has(kind);
  }
}

/** Converts any error of the client library to a {@link ProviderFailure}. */
export function toProviderFailure(error: unknown): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  if (error instanceof APIConnectionTimeoutError) return new ProviderFailure('timeout');
  if (error instanceof APIConnectionError) return new ProviderFailure('connectionLost', networkEvidence(error.cause));
  if (error instanceof APIError) return fromAnswer(error as ErrorAnswer);
  if (error instanceof SyntaxError) return new ProviderFailure('unreadable');
  return new ProviderFailure('connectionLost', networkEvidence(error));
}

/** The properties of the library's `APIError` that are read here; a non-conforming server may omit some. */
interface ErrorAnswer {
  readonly status?: number | undefined;
  readonly code?: unknown;
  readonly type?: unknown;
  readonly message?: unknown;
  /** The part of the body that tells of the error. */
  readonly error?: unknown;
  readonly headers?: Headers | undefined;
  readonly requestID?: string | null | undefined;
}

function fromAnswer(answer: ErrorAnswer): ProviderFailure {
  const { status, requestID } = answer;
  const providerMessage = messageIn(answer.error) ?? messageIn(answer);
  const evidence = {
    ...(status === undefined ? {} : { status }),
    ...(requestID == null ? {} : { providerRequestId: requestID }),
    ...(providerMessage === undefined ? {} : { providerMessage }),
  };
  return new ProviderFailure(kindOf(answer, providerMessage), evidence, retryAfterMs(answer.headers));
}

/** An error that arrived inside an answer with status 200: an object of any dialect, or a text. */
export function errorInStream(error: unknown): ProviderFailure {
  const fields = typeof error === 'object' && error !== null ? (error as Readonly<Record<string, unknown>>) : {};
  const { code, type, status } = fields;
  const number = [code, status].map(Number).find((value) => Number.isInteger(value) && value >= 400 && value < 600);
  return fromAnswer({ status: number, code, type, error });
}

/** The text of an error, which servers put in several places. */
function messageIn(error: unknown): string | undefined {
  if (typeof error === 'string') return error;
  if (typeof error !== 'object' || error === null) return undefined;
  for (const field of ['message', 'detail', 'error']) {
    const value = (error as Readonly<Record<string, unknown>>)[field];
    if (typeof value === 'string') return value;
    if (typeof value === 'object' && value !== null) return messageIn(value) ?? JSON.stringify(value);
  }
  return undefined;
}

/** How servers without OpenAI's code for it say that the prompt is too long. */
const TOO_LONG = /context (length|window|size)|prompt is too long|too many (input )?tokens|input is too long/i;

/** @see https://platform.openai.com/docs/guides/error-codes and, for 402, https://openrouter.ai/docs/api-reference/errors */
function kindOf({ status, code, type }: ErrorAnswer, message = ''): FailureKind {
  if (code === 'insufficient_quota' || type === 'insufficient_quota' || status === 402) return 'quotaExhausted';
  if (code === 'context_length_exceeded' || type === 'exceed_context_size_error') return 'contextExceeded';
  if ((status === 400 || status === 413) && TOO_LONG.test(message)) return 'contextExceeded';
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

/** The system's code of a network error, as `ECONNREFUSED`; some clients nest it a few causes deep. */
function networkEvidence(failure: unknown): { readonly network?: string } {
  for (
    let error = failure;
    typeof error === 'object' && error !== null;
    error = 'cause' in error ? error.cause : null
  ) {
    if ('code' in error && typeof error.code === 'string') return { network: error.code };
  }
  return {};
}
