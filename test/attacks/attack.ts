import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';

/** What an attack may use: the service, and users that it makes there. */
export interface Service {
  readonly url: string;
  /** Whether the service was started for the attacks, with generous limits of logins and uploads. */
  readonly isOwn: boolean;
  readonly seed: number;
}

export interface Attack {
  readonly name: string;
  /** Resolves to undefined when the service held, otherwise to what it did. */
  run(service: Service): Promise<string | undefined>;
}

/** Attacks of one kind. They are made when they are run, since some follow from what the service offers. */
export interface AttackKind {
  readonly name: string;
  attacks(service: Service): Promise<readonly Attack[]> | readonly Attack[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

export interface User {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
  readonly refreshToken: string;
  readonly headers: Readonly<Record<string, string>>;
}

export async function send(
  { url }: Service,
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const isForm = body instanceof FormData;
  const response = await fetch(url + path, {
    method,
    headers: { ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: isForm || typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parsed(text) };
}

export function graphql(
  service: Service,
  query: string,
  variables: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return send(service, 'POST', '/graphql', {
    body: { query, variables },
    headers: { accept: 'application/json, text/event-stream', ...headers },
  });
}

/** The `data` of an answer in REST's envelope. */
export function dataOf({ json }: Answer): Readonly<Record<string, unknown>> {
  return ((json as { data?: unknown } | undefined)?.data ?? {}) as Readonly<Record<string, unknown>>;
}

/** Bytes as they are, on a connection of their own. @returns everything that came back until the server closed, or was silent */
export function sendBytes({ url }: Service, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'));
    // A server that waits for more bytes is silent: what it has answered by then is its answer.
    socket.setTimeout(2_000, () => socket.destroy());
    socket.setEncoding('latin1').on('data', (part: string) => (answer += part));
    socket
      .on('error', () => undefined)
      .on('close', () => {
        resolve(answer);
      });
  });
}

export async function signUp(service: Service, password = 'correct horse battery staple'): Promise<User> {
  const email = `attack-${randomBytes(8).toString('hex')}@example.com`;
  const made = await send(service, 'POST', '/api/v1/users', { body: { provider: 'email', email, password } });
  if (made.status !== 200) throw new Error(`The service makes no user: ${made.text}`);
  return logIn(service, { id: String(dataOf(made)['user_id']), email, password });
}

export async function logIn(service: Service, account: Pick<User, 'id' | 'email' | 'password'>): Promise<User> {
  const { email, password } = account;
  const answer = await send(service, 'POST', '/api/v1/auth/login', { body: { email, password } });
  if (answer.status !== 200) throw new Error(`The login is answered with ${answer.status.toString()}`);
  const token = String(dataOf(answer)['access_token']);
  const refreshToken = String(dataOf(answer)['refresh_token']);
  return { ...account, token, refreshToken, headers: { authorization: `Bearer ${token}` } };
}

/** Whether the token is taken by REST and by GraphQL; the doors must agree. */
export async function isAccepted(service: Service, token: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  const rest = await send(service, 'GET', '/api/v1/users/me', { headers });
  const other = await graphql(service, '{ me { id } }', {}, headers);
  const isTaken = rest.status === 200;
  if (isTaken !== other.text.includes('"data":{"me":{"id"')) throw new Error('The doors disagree about a token');
  return isTaken;
}

export function times<Value>(count: number, make: (index: number) => Value): Value[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
