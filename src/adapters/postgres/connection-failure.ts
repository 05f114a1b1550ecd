/** SQLSTATE classes and codes (PostgreSQL manual, appendix A) for faults of the connection or server, not of the statement. */
const CONNECTION_EXCEPTION_CLASS = '08';
const SERVER_STATES = new Set([
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now: the server starts or stops
  '57P05', // idle_session_timeout
  '25P03', // idle_in_transaction_session_timeout
  '25006', // read_only_sql_transaction: the server became a standby
  '53300', // too_many_connections
]);

/** What became of a statement or a connection that failed through no fault of the statement. */
export type Failure =
  /** The server is away, or goes away. */
  | 'unreachable'
  /** The server, or this process's share of its connections, has too much to do: the statement was given up. */
  | 'busy'
  /** Another transaction was in the way: the same transaction may succeed at once. */
  | 'conflict'
  /** The server's disk is full. */
  | 'full'
  /** The server runs and takes no writes: a standby, or damaged files. */
  | 'unwritable';

const STATES: ReadonlyMap<string, Failure> = new Map([
  ['25006', 'unwritable'], // read_only_sql_transaction
  ['40001', 'conflict'], // serialization_failure
  ['40P01', 'conflict'], // deadlock_detected
  ['53000', 'busy'], // insufficient_resources
  ['53100', 'full'], // disk_full
  ['53200', 'busy'], // out_of_memory
  ['53300', 'busy'], // too_many_connections
  ['53400', 'busy'], // configuration_limit_exceeded
  ['55P03', 'busy'], // lock_not_available
  ['57014', 'busy'], // query_canceled, by statement_timeout or lock_timeout
  ['58000', 'unwritable'], // system_error
  ['58030', 'unwritable'], // io_error
  ['58P01', 'unwritable'], // undefined_file: of the database's own
  ['XX001', 'unwritable'], // data_corrupted
  ['XX002', 'unwritable'], // index_corrupted
]);

/** `pg-pool` throws it when every connection has been lent for too long. */
const POOL_IS_FULL = 'timeout exceeded when trying to connect';

const SOCKET_CODES = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** No connection can be opened, since this process or machine has too many. */
const OWN_LIMITS = new Set(['EADDRNOTAVAIL', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** `pg` throws these as plain errors without a code. */
const DRIVER_MESSAGES =
  /^(Connection terminated|timeout expired$|Query read timeout$|Client (was closed|has encountered a connection error) and is not queryable$|Cannot use a pool after calling end on the pool$)/;

/** The kinds of `DriverAdapterError` that Prisma's adapter makes from these errors. */
const PRISMA_KINDS = new Set([
  'AuthenticationFailed',
  'ConnectionClosed',
  'DatabaseAccessDenied',
  'DatabaseDoesNotExist',
  'DatabaseNotReachable',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
]);

/** SQLSTATEs for a name of a statement that a pooler let another client's session have. */
const MIXED_UP_STATES = new Set([
  '26000', // invalid_sql_statement_name
  '42P05', // duplicate_prepared_statement
]);

/** SQLSTATEs for a session whose named statements fail from now on. */
const STALE_STATEMENT_STATES = new Set([
  '0A000', // feature_not_supported, such as "cached plan must not change result type" after a migration
  '26000',
  '42P05',
]);

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (Reflect.get(value, key) as unknown) : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The SQLSTATE of an error that the server sent; undefined for other errors. */
function serverState(error: unknown): string | undefined {
  return text(property(error, 'severity')) === '' ? undefined : text(property(error, 'code'));
}

function isConnectionState(state: string): boolean {
  return state.startsWith(CONNECTION_EXCEPTION_CLASS) || SERVER_STATES.has(state);
}

/** A description of the failure for the operator's log. Node's error for a host with several addresses has a code only. */
export function describeFailure(error: unknown): string {
  return text(property(error, 'message')) || text(property(error, 'code')) || 'unknown';
}

/**
 * Why the database could not do what it was asked to, from an error of `pg` or of Prisma's adapter; undefined for an error that
 * is about the statement.
 */
export function failureOf(error: unknown): Failure | undefined {
  const state = serverState(error);
  if (state !== undefined) return failureOfState(state);
  const message = text(property(error, 'message'));
  if (message === POOL_IS_FULL || OWN_LIMITS.has(text(property(error, 'code')))) return 'busy';
  const adapterCause = property(error, 'name') === 'DriverAdapterError' ? property(error, 'cause') : undefined;
  const failure = failureOfState(text(property(adapterCause, 'originalCode')));
  if (failure !== undefined) return failure;
  const isUnreachable =
    SOCKET_CODES.has(text(property(error, 'code'))) ||
    DRIVER_MESSAGES.test(message) ||
    PRISMA_KINDS.has(text(property(adapterCause, 'kind')));
  return isUnreachable ? 'unreachable' : undefined;
}

function failureOfState(state: string): Failure | undefined {
  return STATES.get(state) ?? (isConnectionState(state) ? 'unreachable' : undefined);
}

/** Whether the session knew nothing of a statement's name, or knew it for another statement. */
export function isMixedUp(error: unknown): boolean {
  return MIXED_UP_STATES.has(stateOf(error));
}

/** Whether the statement may be run again, without its name: it failed because of that, and before it did anything. */
export function isStaleStatement(error: unknown): boolean {
  return STALE_STATEMENT_STATES.has(stateOf(error));
}

/** The SQLSTATE, whether `pg` or Prisma's adapter tells it. */
function stateOf(error: unknown): string {
  const isOfAdapter = property(error, 'name') === 'DriverAdapterError';
  return serverState(error) ?? (isOfAdapter ? text(property(property(error, 'cause'), 'originalCode')) : '');
}

/** Whether the connection that threw `error` can still be used: the server refused one statement, and nothing else is wrong. */
export function leavesConnectionUsable(error: unknown): boolean {
  const state = serverState(error);
  return state !== undefined && !isConnectionState(state) && !STALE_STATEMENT_STATES.has(state);
}

/** Whether what failed may run again: a statement, or a whole transaction. Nothing of it is left. */
export type Retry =
  | 'none'
  /** Another transaction was in its way. */
  | 'again'
  /** The session did not know a name that it gave. */
  | 'without names';

export function retryOf(error: unknown): Retry {
  if (isStaleStatement(error)) return 'without names';
  return failureOf(error) === 'conflict' ? 'again' : 'none';
}
