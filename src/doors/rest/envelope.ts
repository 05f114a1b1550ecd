import type { ErrorCode, Fault } from '../../kernel/errors.js';
import { Refusal } from '../../graphql/refusal.js';
import type { RestError, RestIncomplete } from '../../rest/answers.js';
import type { Answer } from '../envelope.js';
import { statusOf } from '../error-map.js';
import type { Unreadable } from './request-body.js';

/** An error as the error map returns it: a message for the client, and `extensions` with the code and details. */
export interface MappedError {
  readonly message: string;
  readonly extensions: Readonly<Record<string, unknown>>;
}

export const VALIDATION_ERROR = 'Validation error';

export function unreadableAnswer(error: Unreadable): Answer {
  return { status: error.status, message: error.message, headers: error.headers };
}

export function incompleteAnswer({ status, message }: RestIncomplete): Answer {
  return { status, message };
}

/** The error for faults that the REST door found, with the client's field names. */
export function faultsError(faults: readonly Fault[]): MappedError {
  return { message: VALIDATION_ERROR, extensions: { code: 'BAD_USER_INPUT' satisfies ErrorCode, errors: faults } };
}

/**
 * The answer that the REST contract prescribes for an error.
 * @param errors the route's own errors, which may replace the status or the message
 * @param toWireField maps a fault's GraphQL path to the client's field name
 */
export function errorAnswer(
  error: MappedError,
  errors: readonly RestError[],
  toWireField: (path: string) => string,
): Answer {
  const { extensions } = error;
  const code = String(extensions['code']);
  const own =
    errors.find((entry) => entry.code === code && entry.insteadOf === error.message) ??
    errors.find((entry) => entry.code === code && entry.insteadOf === undefined && entry.message === error.message);
  const status = own?.status ?? statusOfMapped(error);
  const message = own?.message ?? error.message;
  const headers = errorHeaders(status, extensions);
  if (own?.data !== undefined) return { status, message, data: own.data.from(extensions), headers };
  if (status === 422)
    return { status, message: VALIDATION_ERROR, data: { errors: wireFaults(error, toWireField) }, headers };
  if (status === 502)
    return { status, message, data: { source: extensions['source'], reason: extensions['reason'] }, headers };
  return { status, message, headers };
}

/** Bad input is always 422 in REST, although GraphQL over HTTP requires 400 when variables do not fit their types. */
function statusOfMapped(error: MappedError): number {
  const { code } = error.extensions;
  return error instanceof Refusal && code !== 'BAD_USER_INPUT' ? error.status : statusOf(code);
}

function errorHeaders(status: number, extensions: MappedError['extensions']): Readonly<Record<string, string>> {
  if (status === 401) return { 'www-authenticate': 'Bearer' };
  const retryAfter = extensions['retryAfter'];
  return typeof retryAfter === 'number' ? { 'retry-after': String(retryAfter) } : {};
}

function wireFaults({ message, extensions }: MappedError, toWireField: (path: string) => string): readonly Fault[] {
  const faults = (extensions['errors'] ?? []) as readonly Fault[];
  return faults.length > 0
    ? faults.map((fault) => ({ field: toWireField(fault.field), message: fault.message }))
    : [{ field: 'body', message }];
}
