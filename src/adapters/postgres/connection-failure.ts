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

/** `pg` throws these as plain errors without a code. */
const DRIVER_MESSAGES =
  /^(Connection terminated|timeout expired$|timeout exceeded when trying to connect$|Query read timeout$|Client (was closed|has encountered a connection error) and is not queryable$|Cannot use a pool after calling end on the pool$)/;

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

/** SQLSTATEs for a session whose named statements fail from now on. */
const STALE_STATEMENT_STATES = new Set([
  '0A000', // feature_not_supported, such as "cached plan must not change result type" after a migration
  '26000', // invalid_sql_statement_name: a pooler gave the session to another client
  '42P05', // duplicate_prepared_statement: the same
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

/** Whether an error of `pg`, or of Prisma's adapter, means that the database cannot be reached at present. */
export function isConnectionFailure(error: unknown): boolean {
  const state = serverState(error);
  if (state !== undefined) return isConnectionState(state);
  const adapterCause = property(error, 'name') === 'DriverAdapterError' ? property(error, 'cause') : undefined;
  return (
    SOCKET_CODES.has(text(property(error, 'code'))) ||
    DRIVER_MESSAGES.test(text(property(error, 'message'))) ||
    PRISMA_KINDS.has(text(property(adapterCause, 'kind'))) ||
    isConnectionState(text(property(adapterCause, 'originalCode')))
  );
}

/** Whether the connection that threw `error` can still be used: the server refused one statement, and nothing else is wrong. */
export function leavesConnectionUsable(error: unknown): boolean {
  const state = serverState(error);
  return state !== undefined && !isConnectionState(state) && !STALE_STATEMENT_STATES.has(state);
}
