import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import { WebSocket } from 'ws';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';

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

/** A socket without a client's help. */
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
  it('carries queries, mutations and subscriptions', async () => {
    expect(await resultsOf('query ($name: String!) { hello(name: $name) }', { name: 'Ada' })).toEqual([
      { data: { hello: 'Hello, Ada' } },
    ]);
    expect(await resultsOf('mutation { store(input: { email: "a" }) }')).toEqual([{ data: { store: 'a' } }]);
    expect(await resultsOf('subscription { count(to: 2) }')).toEqual([{ data: { count: 1 } }, { data: { count: 2 } }]);
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

  it('that are bad close the socket with 4403 and the reason', async () => {
    const socket = await rawSocket();
    socket.send('{"type":"connection_init","payload":{"authorization":"Bearer bad"}}');
    expect(await closing(socket)).toBe('4403 Invalid token');
  });
});

describe('the limits of a socket', () => {
  it('are kept on the size of a message', async () => {
    const socket = await rawSocket();
    socket.on('error', () => undefined);
    socket.send('x'.repeat(5_000_000));
    expect(await closing(socket)).toMatch(/^1009/);
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

  it('are kept on sockets at once', async () => {
    const small = await startDoors({ maxSockets: 1 });
    try {
      const first = new WebSocket(small.url.replace('http', 'ws'), 'graphql-transport-ws');
      await once(first, 'open');
      const second = new WebSocket(small.url.replace('http', 'ws'), 'graphql-transport-ws');
      expect(await closing(second)).toBe('1013 Try again later');
      first.terminate();
    } finally {
      await small.close();
    }
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
