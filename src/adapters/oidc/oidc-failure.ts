import { Unauthenticated, Unavailable, type DomainError } from '../../kernel/errors.js';

/** Error codes of `openid-client` for a provider that does not respond, or responds against the protocol. */
const OUT_OF_ORDER = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
]);
/** Errors of a token endpoint (RFC 6749, 5.2) that are about the code or its parameters, not the provider. */
const REFUSALS = new Set(['invalid_grant', 'access_denied']);
/** Errors in the authorization response (RFC 6749, 4.1.2.1). */
const OUT_OF_ORDER_ANSWERS = new Set(['server_error', 'temporarily_unavailable']);

export interface ProviderFailure {
  readonly error: DomainError;
  /** For the log: codes only, since messages can quote credentials. */
  readonly reason: string;
}

export function providerUnavailable(): Unavailable {
  return new Unavailable('Login provider unavailable');
}

/** Classifies an error of `openid-client`: the provider is unavailable, or its statement about the user is invalid. */
export function failureOf(error: unknown): ProviderFailure {
  const code = textOf(error, 'code') ?? textOf(error, 'name') ?? 'unknown';
  const detail = textOf(error, 'error');
  const reason = detail === undefined ? code : `${code}: ${detail.slice(0, 64)}`;
  return { error: domainErrorOf(error, code, detail), reason };
}

function domainErrorOf(error: unknown, code: string, detail: string | undefined): DomainError {
  if (code === 'OAUTH_AUTHORIZATION_RESPONSE_ERROR') {
    if (detail === 'access_denied') return new Unauthenticated('Login cancelled');
    return OUT_OF_ORDER_ANSWERS.has(detail ?? '') ? providerUnavailable() : refused();
  }
  if (code === 'OAUTH_RESPONSE_BODY_ERROR') return REFUSALS.has(detail ?? '') ? refused() : providerUnavailable();
  if (OUT_OF_ORDER.has(code)) return providerUnavailable();
  // `fetch` throws errors without a code of the library when the provider cannot be reached.
  return code.startsWith('OAUTH_') ? refused() : isFetchFailure(error) ? providerUnavailable() : refused();
}

function refused(): Unauthenticated {
  return new Unauthenticated('Login refused by the provider');
}

function isFetchFailure(error: unknown): boolean {
  return textOf(error, 'name') === 'TypeError' && textOf(error, 'message') === 'fetch failed';
}

function textOf(value: unknown, key: string): string | undefined {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return typeof found === 'string' ? found : undefined;
}
