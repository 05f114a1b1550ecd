import { AsyncLocalStorage } from 'node:async_hooks';
import type { Log } from './log.js';
import { withFields } from './log-fields.js';

/** A request, or work that one began, while it goes on. What it has opened for others, such as a connection, lives longer. */
interface Scope {
  readonly requestId: string;
  isOpen: boolean;
}

const scopes = new AsyncLocalStorage<Scope | undefined>();

/** The request that this moment's work belongs to; undefined outside of one, and once it is over. */
export function currentRequestId(): string | undefined {
  const scope = scopes.getStore();
  return scope?.isOpen === true ? scope.requestId : undefined;
}

/**
 * Does work of a request.
 * @returns what the work gives, and what to call when the request is over
 */
export function openRequest<Result>(requestId: string, work: () => Result): { result: Result; close: () => void } {
  const scope = { requestId, isOpen: true };
  return {
    result: scopes.run(scope, work),
    close: () => {
      scope.isOpen = false;
    },
  };
}

/** Does work of a request that may go on after that one's answer, or of none, whichever request this moment belongs to. */
export async function duringRequest<Result>(
  requestId: string | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  if (requestId === undefined) return scopes.run(undefined, work);
  const { result, close } = openRequest(requestId, work);
  try {
    return await result;
  } finally {
    close();
  }
}

/** The log, whose lines name the request that they belong to. */
export function logOfRequests(log: Log): Log {
  return withFields(log, () => {
    const requestId = currentRequestId();
    return requestId === undefined ? undefined : { requestId };
  });
}
