import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';
import { uploadSchema } from '../../test/support/example-schema.js';

let doors: ExampleDoors;
beforeAll(async () => {
  doors = await startDoors();
});
afterAll(() => doors.close());

let made = 0;
/** A document that no test has sent yet. */
const newDocument = (selection = 'hello') => `query Q${(made += 1).toString()} { ${selection} }`;
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const named = (sha256Hash: unknown, version: unknown = 1) => ({ persistedQuery: { version, sha256Hash } });

const NOT_FOUND = {
  errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
};
const HELLO = { data: { hello: 'Hello, world' } };

const post = async (body: object, headers: Record<string, string> = {}) => {
  const answer = await fetch(doors.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};
const get = async (parameters: Record<string, string>) => {
  const answer = await fetch(`${doors.url}?${new URLSearchParams(parameters).toString()}`);
  return { status: answer.status, json: (await answer.json()) as unknown };
};

describe('an automatic persisted query', () => {
  it('is asked for once, and known by its hash from then on', async () => {
    const query = newDocument();
    const extensions = named(hashOf(query));
    const unknown = await post({ extensions });
    expect(unknown.status).toBe(200);
    expect(unknown.headers.get('cache-control')).toBe('private, no-cache, must-revalidate');
    expect(JSON.parse(unknown.text)).toEqual(NOT_FOUND);
    expect(JSON.parse((await post({ query, extensions })).text)).toEqual(HELLO);
    expect(JSON.parse((await post({ extensions })).text)).toEqual(HELLO);
    expect(JSON.parse((await post({ query: '', extensions })).text)).toEqual(HELLO);
    expect(JSON.parse((await post({ query: null, extensions: named(hashOf(query).toUpperCase()) })).text)).toEqual(
      HELLO,
    );
  });

  it('works by GET, for queries only', async () => {
    const query = newDocument();
    const extensions = JSON.stringify(named(hashOf(query)));
    expect(await get({ extensions })).toEqual({ status: 200, json: NOT_FOUND });
    expect(await get({ query, extensions })).toEqual({ status: 200, json: HELLO });
    expect(await get({ extensions, operationName: `Q${made.toString()}` })).toEqual({ status: 200, json: HELLO });
    const mutation = 'mutation { login(password: "hash") }';
    await post({ query: mutation, extensions: named(hashOf(mutation)) });
    expect(await get({ extensions: JSON.stringify(named(hashOf(mutation))) })).toMatchObject({ status: 405 });
  });

  it('works for event streams', async () => {
    const query = 'subscription { count(to: 1) }';
    const extensions = named(hashOf(query));
    const asStream = { accept: 'text/event-stream' };
    expect(JSON.parse((await post({ extensions }, asStream)).text)).toEqual(NOT_FOUND);
    expect((await post({ query, extensions }, asStream)).text).toContain('{"data":{"count":1}}');
    expect((await post({ extensions }, asStream)).text).toContain('{"data":{"count":1}}');
  });

  it('works over a WebSocket', async () => {
    const query = newDocument();
    const socket = new WebSocket(doors.url.replace('http', 'ws'), 'graphql-transport-ws');
    const messages: Record<string, unknown>[] = [];
    const isDone = (id: string) => messages.some((message) => message['id'] === id && message['type'] !== 'next');
    socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as Record<string, unknown>));
    await once(socket, 'open');
    socket.send('{"type":"connection_init"}');
    const run = async (id: string, payload: object) => {
      socket.send(JSON.stringify({ type: 'subscribe', id, payload }));
      while (!isDone(id)) await once(socket, 'message');
      return messages.find((message) => message['id'] === id)?.['payload'];
    };
    while (messages.length === 0) await once(socket, 'message');
    expect(await run('a', { query: '', extensions: named(hashOf(query)) })).toEqual(NOT_FOUND.errors);
    expect(await run('b', { query, extensions: named(hashOf(query)) })).toEqual(HELLO);
    expect(await run('c', { query: '', extensions: named(hashOf(query)) })).toEqual(HELLO);
    expect(await run('d', { query: '', extensions: named('x') })).toMatchObject([
      { extensions: { code: 'BAD_REQUEST' } },
    ]);
    expect(await run('e', { query: '' })).toMatchObject([{ message: 'The parameter query is empty' }]);
    socket.close();
    await once(socket, 'close');
  });

  it('works for uploads', async () => {
    const uploads = await startDoors({ schema: uploadSchema(), uploadLimit: 10_000 });
    const query = 'mutation ($file: Upload!) { upload(file: $file) }';
    const send = async (operations: object) => {
      const body = new FormData();
      body.append('operations', JSON.stringify({ variables: { file: null }, ...operations }));
      body.append('map', '{"0":["variables.file"]}');
      body.append('0', new File(['hello'], 'greeting.txt'));
      const answer = await fetch(uploads.url, { method: 'POST', headers: { authorization: 'Bearer good' }, body });
      return (await answer.json()) as unknown;
    };
    try {
      const extensions = named(hashOf(query));
      expect(await send({ extensions })).toEqual(NOT_FOUND);
      const uploaded = { data: { upload: 'greeting.txt: hello' } };
      expect(await send({ query, extensions })).toEqual(uploaded);
      expect(await send({ extensions })).toEqual(uploaded);
    } finally {
      await uploads.close();
    }
  });

  it.each([
    [
      'another text’s hash',
      () => named(hashOf('{ other }')),
      'extensions.persistedQuery.sha256Hash is not the SHA-256 hash',
    ],
    ['no hash', () => named(undefined), 'extensions.persistedQuery must be'],
    ['a hash that is none', () => named('__proto__'), 'extensions.persistedQuery must be'],
    ['another version', () => named(hashOf('{ hello }'), 2), 'extensions.persistedQuery must be'],
    ['a text', () => ({ persistedQuery: 'x' }), 'extensions.persistedQuery must be'],
  ])('with %s is refused', async (_what, extensions, message) => {
    const answer = await post({ query: newDocument(), extensions: extensions() });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(message);
  });

  it('that cannot run is not kept', async () => {
    const query = '{ helo }';
    const extensions = named(hashOf(query));
    expect((await post({ query, extensions })).text).toContain('GRAPHQL_VALIDATION_FAILED');
    expect(JSON.parse((await post({ extensions })).text)).toEqual(NOT_FOUND);
  });
});
