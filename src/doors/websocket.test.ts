import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import { WebSocket } from 'ws';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';
import { rawRequest } from '../../test/support/raw-request.js';
import type { WebSocketLimits } from './websocket-places.js';

let doors: ExampleDoors;
let clients: Client[];
beforeEach(async () => {
  clients = [];
  doors = await startDoors({ maxOperations: 3, corsOrigins: ['https://app.example.com'] });
});
afterEach(async () => {
  for (const made of clients) await made.dispose();
  await doors.close();
});

const address = () => doors.url.replace('http', 'ws');

function client(options: Partial<ClientOptions> = {}): Client {
  const made = createClient({ url: address(), webSocketImpl: WebSocket, retryAttempts: 0, ...options });
  clients.push(made);
  return made;
}

async function resultsOf(query: string, variables: Record<string, unknown> = {}, options: Partial<ClientOptions> = {}) {
  const results: unknown[] = [];
  for await (const result of client(options).iterate({ query, variables })) results.push(result);
  return results;
}

/** A plain WebSocket, without graphql-ws's client. */
async function rawSocket(headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(address(), 'graphql-transport-ws', { headers });
  await once(socket, 'open');
  return socket;
}

async function closing(socket: WebSocket): Promise<string> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return `${code} ${reason.toString()}`;
}

describe('a WebSocket', () => {
  it('is refused as GraphQL refuses where its handshake is wrong', async () => {
    const headers = { connection: 'upgrade', upgrade: 'websocket' };
    expect(await rawRequest(doors.port, { path: '/graphql', headers })).toMatchObject({
      status: 400,
      headers: { 'content-type': 'application/json; charset=utf-8', 'sec-websocket-version': '13' },
      json: { errors: [{ message: expect.any(String), extensions: { code: 'BAD_REQUEST' } }] },
    });
  });

  it('carries queries, mutations and subscriptions', async () => {
    expect(await resultsOf('query ($name: String!) { hello(name: $name) }', { name: 'Ada' })).toEqual([
      { data: { hello: 'Hello, Ada' } },
    ]);
    expect(await resultsOf('mutation { store(input: { email: "a" }) }')).toEqual([{ data: { store: 'a' } }]);
    expect(await resultsOf('subscription { count(to: 2) }')).toEqual([{ data: { count: 1 } }, { data: { count: 2 } }]);
  });

  it.each([
    ['short', '1', 'count'],
    ['of more bytes than characters', 'é😀', 'count'],
    ['long', 'é'.repeat(40_000), 'count'],
    ['short, of a long result', 'é', 'c'.repeat(40_000)],
  ])('answers an operation by its id: %s', async (_, id, field) => {
    const socket = await rawSocket();
    const received: unknown[] = [];
    socket.on('message', (data: Buffer) => received.push(JSON.parse(data.toString())));
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: 'Bearer good' } }));
    await once(socket, 'message');
    socket.send(
      JSON.stringify({ id, type: 'subscribe', payload: { query: `subscription { ${field}: count(to: 1) }` } }),
    );
    while (received.length < 3) await once(socket, 'message');
    expect(received.slice(1)).toEqual([
      { id, type: 'next', payload: { data: { [field]: 1 } } },
      { id, type: 'complete' },
    ]);
    socket.close();
  });

  it('refuses a document that may not run with an error message', async () => {
    const codeOf = (query: string) =>
      resultsOf(query).then(
        () => 'none',
        (errors: unknown) => (errors as { extensions: { code: string } }[])[0]?.extensions.code,
      );
    expect(await codeOf('{ hello')).toBe('GRAPHQL_PARSE_FAILED');
    expect(await codeOf('{ helo }')).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(await codeOf('query A { hello } query B { hello }')).toBe('OPERATION_RESOLUTION_FAILURE');
  });

  it.each([
    ['{ explode }', 'INTERNAL_SERVER_ERROR'],
    ['{ missing }', 'NOT_FOUND'],
    ['query ($n: String!) { hello(name: $n) }', 'BAD_USER_INPUT'],
    ['subscription { refused }', 'NOT_FOUND'],
  ])('gives the errors of what ran as a result: %s', async (query, code) => {
    const results = await resultsOf(query);
    expect(results).toMatchObject([{ errors: [{ extensions: { code } }] }]);
    expect(JSON.stringify(results)).not.toContain('hunter2');
  });

  it('ends a subscription with the error when its source fails, as when a session is revoked', async () => {
    doors.journal.release.resolve('fail');
    expect(await resultsOf('subscription { tail }')).toMatchObject([
      { data: { tail: 1 } },
      { data: null, errors: [{ message: 'Invalid token', extensions: { code: 'UNAUTHENTICATED' } }] },
    ]);
  });

  it('is pinged, and closed when its client does not answer', async () => {
    await doors.close();
    doors = await startDoors({ pingIntervalMs: 200 });
    const dead = new WebSocket(address(), 'graphql-transport-ws', { autoPong: false });
    let pings = 0;
    dead.on('ping', () => pings++);
    const closed = closing(dead);
    const alive = await rawSocket();
    expect(await closed).toBe('1006 ');
    expect(pings).toBe(1);
    for (let answered = 0; answered < 3; answered++) await once(alive, 'ping');
    expect(alive.readyState).toBe(WebSocket.OPEN);
    alive.terminate();
  });

  it('tells the source when the operation is completed or the client leaves', async () => {
    const stream = client().iterate({ query: 'subscription { tail }' });
    await stream.next();
    await stream.return?.();
    await doors.journal.sourceEnded.promise;
    doors.journal.sourceEnded = Promise.withResolvers();
    const other = client();
    await other.iterate({ query: 'subscription { tail }' }).next();
    other.terminate();
    await doors.journal.sourceEnded.promise;
    await until(() => doors.journal.calls.filter((call) => call === 'aborted').length === 2);
  });
});

describe('credentials', () => {
  const secret = '{ secret }';

  it('come in connection_init or with the upgrade, and may be missing', async () => {
    expect(await resultsOf(secret, {}, { connectionParams: { authorization: 'Bearer good' } })).toEqual([
      { data: { secret: 'for u1' } },
    ]);
    expect(await resultsOf(secret)).toMatchObject([{ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] }]);
    const socket = await rawSocket({ authorization: 'Bearer good' });
    socket.send('{"type":"connection_init"}');
    await once(socket, 'message');
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: secret } }));
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(message.toString())).toMatchObject({ type: 'next', payload: { data: { secret: 'for u1' } } });
    socket.terminate();
  });

  it.each([
    { Authorization: 'Bearer good' },
    { AUTHORIZATION: 'Bearer good' },
    { headers: { Authorization: 'Bearer good' } },
    { headers: { authorization: 'Bearer good' } },
    { authToken: 'good' },
  ])('come as clients send them: %j', async (connectionParams) => {
    expect(await resultsOf(secret, {}, { connectionParams })).toEqual([{ data: { secret: 'for u1' } }]);
  });

  it('that are bad close the socket with 4403 and the reason', async () => {
    const socket = await rawSocket();
    socket.send('{"type":"connection_init","payload":{"authorization":"Bearer bad"}}');
    expect(await closing(socket)).toBe('4403 Invalid token');
  });
});

describe('a token on an open socket', () => {
  const answerTo = async (socket: WebSocket, message: object): Promise<unknown> => {
    socket.send(JSON.stringify(message));
    const [answer] = (await once(socket, 'message')) as [Buffer];
    return JSON.parse(answer.toString());
  };
  const opened = async (authorization?: string) => {
    const socket = await rawSocket();
    const payload = authorization === undefined ? {} : { authorization };
    expect(await answerTo(socket, { type: 'connection_init', payload })).toEqual({ type: 'connection_ack' });
    return socket;
  };
  const renewal = (authorization: string) => ({ type: 'ping', payload: { authorization } });
  const renewed = { type: 'pong', payload: { expiresAt: '2030-01-01T00:00:00.000Z' } };
  const follower = () => [...doors.followed][0];
  const whoseSecret = (id: string) => ({ id, type: 'subscribe', payload: { query: '{ secret }' } });
  const secretOf = (user: string, id: string) => ({ id, type: 'next', payload: { data: { secret: `for ${user}` } } });

  /** Stops `setTimeout`, so that a test passes only if its events do not wait for a timeout. */
  const stopTimeouts = () =>
    jest.useFakeTimers({
      doNotFake: ['Date', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'setInterval'],
    });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is renewed by a ping, which is answered with its expiry, for what comes after and what is followed', async () => {
    const socket = await opened('Bearer good');
    expect(follower()?.whose().expiresAt).toBeUndefined();
    const before = doors.renewals.length;
    expect(await answerTo(socket, renewal('Bearer renewed'))).toEqual(renewed);
    expect(doors.followed.size).toBe(1);
    expect(doors.renewals.slice(before)).toEqual(['u1']);
    expect(follower()?.whose().expiresAt?.toISOString()).toBe(renewed.payload.expiresAt);
    expect(await answerTo(socket, whoseSecret('1'))).toEqual(secretOf('u1', '1'));
    socket.close();
    await once(socket, 'close');
    await until(() => doors.followed.size === 0);
  });

  it('may come first by a ping, after a login over the socket', async () => {
    const socket = await opened();
    expect(doors.followed.size).toBe(0);
    expect(await answerTo(socket, renewal('Bearer renewed'))).toEqual(renewed);
    expect(await answerTo(socket, whoseSecret('1'))).toEqual(secretOf('u1', '1'));
    expect(doors.followed.size).toBe(1);
    socket.terminate();
  });

  it.each([
    ['that is bad', 'Bearer bad', '4403 Invalid token'],
    ['of another user', 'Bearer of-another', "4403 Another user's token"],
  ])('%s closes the socket with 4403 and the reason', async (_, authorization, reason) => {
    const socket = await opened('Bearer good');
    socket.send(JSON.stringify(renewal(authorization)));
    expect(await closing(socket)).toBe(reason);
  });

  it('that cannot be checked changes nothing, and the ping is answered with why', async () => {
    const socket = await opened('Bearer good');
    expect(await answerTo(socket, renewal('Bearer unchecked'))).toMatchObject({
      type: 'pong',
      payload: { errors: [{ message: 'Not now', extensions: { code: 'UNAVAILABLE' } }] },
    });
    expect(await answerTo(socket, whoseSecret('1'))).toEqual(secretOf('u1', '1'));
    socket.terminate();
  });

  it('is followed from the first operation that finds it good, where the opening could not check it', async () => {
    const socket = await opened('Bearer unchecked-once');
    expect(doors.followed.size).toBe(0);
    expect(await answerTo(socket, whoseSecret('1'))).toEqual(secretOf('u1', '1'));
    expect(follower()?.whose().userId).toBe('u1');
    follower()?.end('expired');
    expect(await closing(socket)).toBe('4403 Token expired');
  });

  it('is checked in the order in which it was sent, a few at a time', async () => {
    const socket = await opened('Bearer good');
    const answers: unknown[] = [];
    socket.on('message', (data: Buffer) => answers.push(JSON.parse(data.toString())));
    for (let i = 0; i < 5; i += 1) socket.send(JSON.stringify(renewal(i < 4 ? 'Bearer good' : 'Bearer renewed')));
    await until(() => answers.length === 5);
    expect(answers.at(-1)).toEqual(renewed);
    for (let i = 0; i < 11; i += 1) socket.send(JSON.stringify(renewal('Bearer unanswered')));
    expect(await closing(socket)).toBe('4429 At most 10 new tokens at once');
  });

  it('counts for nothing before connection_init, and is never sent back; any other payload of a ping is', async () => {
    const socket = await rawSocket();
    expect(await answerTo(socket, renewal('Bearer renewed'))).toEqual({ type: 'pong' });
    expect(doors.followed.size).toBe(0);
    expect(await answerTo(socket, { type: 'ping', payload: { at: 1 } })).toEqual({ type: 'pong', payload: { at: 1 } });
    expect(await answerTo(socket, { type: 'ping' })).toEqual({ type: 'pong' });
    socket.terminate();
  });

  it.each([
    ['expired', '4403 Token expired'],
    ['ended', '4403 Session ended'],
  ] as const)('that has %s closes an idle socket at once', async (why, reason) => {
    const socket = await opened('Bearer good');
    stopTimeouts();
    follower()?.end(why);
    expect(await closing(socket)).toBe(reason);
  });

  it('that has expired closes a socket on which something runs after a moment', async () => {
    const socket = await opened('Bearer good');
    const tail = { id: '1', type: 'subscribe', payload: { query: 'subscription { tail }' } };
    expect(await answerTo(socket, tail)).toMatchObject({ type: 'next' });
    follower()?.end('expired');
    expect(await closing(socket)).toBe('4403 Token expired');
    await doors.journal.sourceEnded.promise;
  });

  it('that has expired lets what runs on the socket tell of its end first', async () => {
    const socket = await opened('Bearer good');
    const messages: string[] = [];
    socket.on('message', (data: Buffer) => messages.push((JSON.parse(data.toString()) as { type: string }).type));
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { tail }' } }));
    await until(() => messages.length === 1);
    stopTimeouts();
    follower()?.end('ended');
    doors.journal.release.resolve('fail');
    expect(await closing(socket)).toBe('4403 Session ended');
    expect(messages).toEqual(['next', 'next', 'complete']);
  });
});

describe('the limits of a socket', () => {
  it('are kept on the size of a message', async () => {
    const socket = await rawSocket();
    socket.on('error', () => undefined);
    socket.send('x'.repeat(5_000_000));
    expect(await closing(socket)).toMatch(/^1009/);
  });

  it('are lower before a login', async () => {
    const message = JSON.stringify({ type: 'ping', payload: { padding: 'x'.repeat(70_000) } });
    const anonymous = await rawSocket();
    anonymous.send('{"type":"connection_init"}');
    anonymous.send(message);
    expect(await closing(anonymous)).toBe('1009 At most 65536 bytes before a login');
    const socket = await rawSocket();
    const acknowledged = once(socket, 'message');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: 'Bearer good' } }));
    await acknowledged;
    const pong = once(socket, 'message');
    socket.send(message);
    expect(String(await pong)).toContain('"type":"pong"');
    socket.close();
  });

  it('are kept on operations at once', async () => {
    const socket = await rawSocket();
    socket.send('{"type":"connection_init"}');
    await once(socket, 'message');
    for (let id = 0; id < 4; id += 1) {
      socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query: 'subscription { tail }' } }));
    }
    expect(await closing(socket)).toBe('4429 At most 3 operations at once');
    await doors.journal.sourceEnded.promise;
  });

  it.each([
    ['nonsense', '4400 Invalid message received'],
    ['{"type":"nothing"}', '4400 Invalid message received'],
    ['{"id":"1","type":"subscribe","payload":{"query":"{ hello }"}}', '4401 Unauthorized'],
    ['{"id":"1","type":"subscribe","payload":{"query":5}}', '4400 Invalid message received'],
    ['{"id":"1","type":"subscribe","payload":{"query":"{ hello }","variables":"x"}}', '4400 Invalid message received'],
  ])('close it on %s', async (message, reason) => {
    const socket = await rawSocket();
    socket.send(message);
    expect(await closing(socket)).toBe(reason);
  });

  it('need the protocol', async () => {
    const socket = new WebSocket(address());
    expect(await closing(socket)).toBe('4406 Subprotocol not acceptable');
  });
});

describe('the limits of open sockets', () => {
  let small: ExampleDoors;
  afterEach(() => small.close());

  const start = async (limits: Partial<WebSocketLimits>, anonymousIdleMs = 600_000) => {
    small = await startDoors({ limits, anonymousIdleMs });
  };
  const from = (client: string, headers: Record<string, string> = {}) =>
    new WebSocket(small.url.replace('http', 'ws'), 'graphql-transport-ws', {
      headers: { 'x-forwarded-for': client, ...headers },
    });
  const opened = async (client: string) => {
    const socket = from(client);
    await once(socket, 'open');
    return socket;
  };
  const say = async (socket: WebSocket, message: object): Promise<string> => {
    const answer = Promise.race([
      once(socket, 'message').then(([data]) => (JSON.parse(String(data)) as { type: string }).type),
      closing(socket),
    ]);
    socket.send(JSON.stringify(message));
    return answer;
  };
  const init = (authorization?: string) => ({ type: 'connection_init', payload: authorization && { authorization } });
  const loggedIn = async (client: string, token = 'Bearer good') => {
    const socket = await opened(client);
    expect(await say(socket, init(token))).toBe('connection_ack');
    return socket;
  };
  const refusal = async (client: string) => {
    const socket = from(client);
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    const body = JSON.parse(Buffer.concat(await response.toArray()).toString()) as unknown;
    return { status: response.statusCode, retryAfter: response.headers['retry-after'], body };
  };
  const refused = (status: number, code: string) => ({
    status,
    retryAfter: '5',
    body: { errors: [{ message: 'Too many open WebSockets; try again later', extensions: { code } }] },
  });
  const GIVEN_UP = '1013 Too many open WebSockets without a login';
  const tail = { id: '1', type: 'subscribe', payload: { query: 'subscription { tail }' } };

  it('let the oldest without a login give way to the next of the same client, which may log in', async () => {
    await start({ anonymousPerClient: 2 });
    const [silent, init1] = [await opened('192.0.2.1'), await opened('192.0.2.1')];
    await say(init1, init());
    const neighbour = await opened('192.0.2.2');
    const gone = closing(silent);
    const mine = await loggedIn('192.0.2.1');
    expect(await gone).toBe(GIVEN_UP);
    // With a login it counts no more.
    const goneToo = closing(init1);
    await opened('192.0.2.1');
    expect(small.webSocket.openSockets).toBe(4);
    await opened('192.0.2.1');
    expect(await goneToo).toBe(GIVEN_UP);
    expect([mine.readyState, neighbour.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
    expect(small.lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message: 'WebSockets are refused or closed: MAX_WEBSOCKETS_WITHOUT_LOGIN is reached',
        fields: { client: '192.0.2.1', setting: 'MAX_WEBSOCKETS_WITHOUT_LOGIN' },
      },
    ]);
  });

  it('leave alone a socket without a login on which something runs', async () => {
    await start({ anonymousPerClient: 1 });
    const busy = await opened('192.0.2.1');
    await say(busy, init());
    expect(await say(busy, tail)).toBe('next');
    expect(await refusal('192.0.2.1')).toEqual(refused(429, 'RATE_LIMITED'));
    expect(busy.readyState).toBe(WebSocket.OPEN);
  });

  it('leave alone a socket whose token is being checked', async () => {
    await start({ anonymousPerClient: 1 });
    const socket = await opened('192.0.2.1');
    await say(socket, init());
    // Answered after the renewal before it has begun.
    socket.send(JSON.stringify({ type: 'ping', payload: { authorization: 'Bearer unanswered' } }));
    expect(await say(socket, { type: 'ping' })).toBe('pong');
    expect(await refusal('192.0.2.1')).toEqual(refused(429, 'RATE_LIMITED'));
    socket.terminate();
  });

  it('refuse one too many of a client, counting a whole /64 as one', async () => {
    await start({ perClient: 2 });
    const sockets = [await loggedIn('2001:db8::1'), await loggedIn('2001:db8::2')];
    expect(await refusal('2001:db8::3')).toEqual(refused(429, 'RATE_LIMITED'));
    await opened('2001:db8:0:1::1');
    sockets[0]?.close();
    await until(() => small.webSocket.openSockets === 2);
    await opened('2001:db8::3');
  });

  it('close one too many of a user, wherever it comes from, and give its place back', async () => {
    await start({ perUser: 1 });
    const first = await loggedIn('192.0.2.1');
    const second = await opened('192.0.2.2');
    expect(await say(second, init('Bearer renewed'))).toBe('4429 Too many open WebSockets of this user');
    const third = await opened('192.0.2.3');
    await say(third, init());
    expect(await say(third, { type: 'ping', payload: { authorization: 'Bearer good' } })).toMatch(/^4429|^pong/);
    await loggedIn('192.0.2.2', 'Bearer of-another');
    first.close();
    await until(() => small.webSocket.openSockets === 1);
    await loggedIn('192.0.2.1');
  });

  it('keep three quarters for those who log in, whoever else comes', async () => {
    await start({ total: 4 });
    const users = [await loggedIn('192.0.2.1'), await loggedIn('192.0.2.1'), await loggedIn('192.0.2.1')];
    const nobody = await opened('192.0.2.2');
    const gone = closing(nobody);
    await loggedIn('192.0.2.3', 'Bearer of-another');
    expect(await gone).toBe(GIVEN_UP);
    expect(await refusal('192.0.2.2')).toEqual(refused(503, 'UNAVAILABLE'));
    expect(users.map(({ readyState }) => readyState)).toEqual(users.map(() => WebSocket.OPEN));
  });

  it('take from the client that has the most', async () => {
    await start({ total: 12 });
    const other = await opened('192.0.2.1');
    const most = [await opened('192.0.2.2'), await opened('192.0.2.2')];
    const gone = Promise.all(most.slice(0, 1).map((socket) => closing(socket)));
    await opened('192.0.2.3');
    expect(await gone).toEqual([GIVEN_UP]);
    expect(other.readyState).toBe(WebSocket.OPEN);
  });

  it('close a socket without a login that nothing has run on for a while, and none with one', async () => {
    await start({}, 1_000);
    const mine = await loggedIn('192.0.2.1');
    expect(await closing(await opened('192.0.2.1'))).toBe('4408 Idle without a login');
    expect(mine.readyState).toBe(WebSocket.OPEN);
  });

  it('give no place away for a socket that has left', async () => {
    await start({ perClient: 2, anonymousPerClient: 2, total: 8 });
    for (let round = 0; round < 5; round += 1) {
      const socket = await opened('192.0.2.1');
      socket.terminate();
      await until(() => small.webSocket.openSockets === 0);
    }
    const both = [await opened('192.0.2.1'), await opened('192.0.2.1')];
    expect(both.map(({ readyState }) => readyState)).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
  });
});

describe('the origin of an upgrade', () => {
  const statusFor = async (origin: string) => {
    const socket = new WebSocket(address(), 'graphql-transport-ws', { headers: { origin } });
    const opened = once(socket, 'open').then(
      () => 101,
      () => 0,
    );
    const refused = new Promise<number>((resolve) => {
      socket.once('unexpected-response', (_request, response) => {
        resolve(response.statusCode ?? 0);
      });
    });
    const status = await Promise.race([opened, refused]);
    socket.on('error', () => undefined);
    socket.terminate();
    return status;
  };

  it('must be this host or a listed one', async () => {
    expect(await statusFor(doors.origin)).toBe(101);
    expect(await statusFor('https://app.example.com')).toBe(101);
    expect(await statusFor('https://evil.example')).toBe(403);
    expect(await statusFor('null')).toBe(403);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
