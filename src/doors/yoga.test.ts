import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-sse';
import { uploadSchema } from '../../test/support/example-schema.js';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';

let doors: ExampleDoors;
beforeEach(async () => {
  doors = await startDoors();
});
afterEach(() => doors.close());

const STREAM = { accept: 'text/event-stream' };

/** The whole text of a stream, without its pings. */
const textOf = async (answer: Response) => (await answer.text()).replaceAll(/^:\n\n/gm, '');

describe('server-sent events', () => {
  it('carry a subscription by POST and by GET', async () => {
    const expected =
      [1, 2].map((value) => `event: next\ndata: {"data":{"count":${value}}}\n\n`).join('') +
      'event: complete\ndata:\n\n';
    const query = 'subscription ($to: Int!) { count(to: $to) }';
    const posted = await doors.post(query, { to: 2 }, STREAM);
    expect(Object.fromEntries(posted.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(await textOf(posted)).toBe(expected);
    const search = new URLSearchParams({ query, variables: '{"to":2}' });
    expect(await textOf(await fetch(`${doors.url}?${search}`, { headers: STREAM }))).toBe(expected);
    expect(await textOf(await fetch(`${doors.url}?${search}`))).toBe(expected);
  });

  it('carry a query as a stream of one result', async () => {
    expect(await textOf(await doors.post('{ hello }', {}, STREAM))).toBe(
      'event: next\ndata: {"data":{"hello":"Hello, world"}}\n\nevent: complete\ndata:\n\n',
    );
  });

  it('serve a client that knows the protocol', async () => {
    const client = createClient({ url: doors.url });
    const results: unknown[] = [];
    for await (const result of client.iterate({ query: 'subscription { count(to: 3) }' })) results.push(result.data);
    expect(results).toEqual([{ count: 1 }, { count: 2 }, { count: 3 }]);
  });

  it.each([
    ['subscription { count', 'GRAPHQL_PARSE_FAILED'],
    ['subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription ($to: Int!) { count(to: $to) }', 'BAD_USER_INPUT'],
    ['subscription { refused }', 'NOT_FOUND'],
    ['{ explode }', 'INTERNAL_SERVER_ERROR'],
  ])('tell of a failure in the stream: %s', async (query, code) => {
    const text = await textOf(await doors.post(query, {}, STREAM));
    expect(text).toMatch(/^event: next\ndata: \{.*\}\n\nevent: complete\ndata:\n\n$/);
    expect(text).toContain(`"code":"${code}"`);
    expect(text).not.toContain('hunter2');
  });

  it('end with the error when the source fails, as when a session is revoked', async () => {
    const answer = await doors.post('subscription { tail }', {}, STREAM);
    doors.journal.release.resolve('fail');
    expect(await textOf(answer)).toBe(
      'event: next\ndata: {"data":{"tail":1}}\n\n' +
        'event: next\ndata: {"data":null,"errors":[{"message":"Invalid token","extensions":{"code":"UNAUTHENTICATED"}}]}\n\n' +
        'event: complete\ndata:\n\n',
    );
  });

  it('begin with a sign of life, show more while nothing happens, and go on', async () => {
    await doors.close();
    doors = await startDoors({ heartbeatMs: 50 });
    const answer = await doors.post('subscription { tail }', {}, STREAM);
    const decoder = new TextDecoder();
    let text = '';
    for await (const piece of answer.body ?? []) {
      text += decoder.decode(piece, { stream: true });
      if (/\n\n(?::\n\n){2,}$/.test(text)) doors.journal.release.resolve('fail');
    }
    expect(text).toMatch(
      /^:\n\n(?::\n\n)*event: next\ndata: .*"tail":1.*\n\n(?::\n\n){2,}event: next\ndata: .*"Invalid token".*\n\nevent: complete\ndata:\n\n$/,
    );
  });

  it('tell the source when the client leaves', async () => {
    const leaving = new AbortController();
    const answer = await fetch(doors.url, {
      method: 'POST',
      headers: { ...STREAM, 'content-type': 'application/json' },
      body: '{"query":"subscription { tail }"}',
      signal: leaving.signal,
    });
    const reader = answer.body?.getReader();
    await reader?.read();
    expect(doors.graphql.openStreams).toBe(1);
    leaving.abort();
    await doors.journal.sourceEnded.promise;
    expect(doors.graphql.openStreams).toBe(0);
    expect(doors.journal.calls).toContain('aborted');
    expect(doors.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('multipart', () => {
  const form = (operations: string) => {
    const body = new FormData();
    body.set('operations', operations);
    body.set('map', '{"0":["variables.file"]}');
    body.set('0', new File(['hello'], 'greeting.txt', { type: 'text/plain' }));
    return body;
  };
  const UPLOAD = JSON.stringify({
    query: 'mutation ($file: Upload!) { upload(file: $file) }',
    variables: { file: null },
  });
  const GUARD = { 'graphql-require-preflight': 'true' };
  const send = (to: ExampleDoors, body: FormData | string, headers: Record<string, string> = GUARD) =>
    fetch(to.url, { method: 'POST', headers, body });

  it('is refused where nothing can be uploaded', async () => {
    expect((await send(doors, form(UPLOAD))).status).toBe(415);
  });

  it('carries files, for clients that a page of another site cannot imitate', async () => {
    const uploads = await startDoors({ schema: uploadSchema(), uploadLimit: 10_000 });
    try {
      const answer = await send(uploads, form(UPLOAD));
      expect([answer.status, await answer.json()]).toEqual([200, { data: { upload: 'greeting.txt: hello' } }]);
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      for (const headers of [{ authorization: 'Bearer good' }, { 'x-user-id': 'u1' }]) {
        expect((await send(uploads, form(UPLOAD), headers)).status).toBe(200);
      }
      // A browser sends the scheme Basic by itself, to a host where its user has logged in so.
      const basic = await send(uploads, form(UPLOAD), { authorization: 'Basic YTpi' });
      expect(await basic.json()).toMatchObject({ errors: [{ extensions: { code: 'CSRF_REFUSED' } }] });
      const unguarded = await send(uploads, form(UPLOAD), {});
      expect([unguarded.status, await unguarded.json()]).toMatchObject([
        400,
        { errors: [{ extensions: { code: 'CSRF_REFUSED' } }] },
      ]);
    } finally {
      await uploads.close();
    }
  });

  it('is answered with the status that every door gives', async () => {
    const uploads = await startDoors({ schema: uploadSchema(), uploadLimit: 10_000 });
    try {
      const body = form(UPLOAD);
      body.set('more', 'a part after the file');
      const types: readonly (readonly [string, number])[] = [
        ['*/*', 422],
        ['application/graphql-response+json', 422],
        ['application/json', 200],
      ];
      for (const [accept, status] of types) {
        const answer = await send(uploads, body, { ...GUARD, accept });
        expect([answer.status, await answer.json()]).toMatchObject([
          status,
          { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
        ]);
      }
    } finally {
      await uploads.close();
    }
  });

  it('is refused in clear words when it is broken or too large', async () => {
    const uploads = await startDoors({ schema: uploadSchema(), uploadLimit: 10_000 });
    try {
      const broken = { ...GUARD, 'content-type': 'multipart/form-data; boundary=x' };
      const failing: [FormData | string, Record<string, string>, number, string][] = [
        ['nonsense', broken, 400, 'BAD_REQUEST'],
        ['', broken, 400, 'BAD_REQUEST'],
        [form('not JSON'), GUARD, 400, 'BAD_REQUEST'],
        [form('{"query":5}'), GUARD, 400, 'BAD_REQUEST'],
        [form('{"query":"{ nothing }","variables":{"file":null}}'), GUARD, 400, 'GRAPHQL_VALIDATION_FAILED'],
        [form(`{"query":"{ hello }","x":"${'x'.repeat(10_000)}"}`), GUARD, 413, 'PAYLOAD_TOO_LARGE'],
      ];
      for (const [body, headers, status, code] of failing) {
        const answer = await send(uploads, body, headers);
        expect([answer.status, await answer.json()]).toMatchObject([status, { errors: [{ extensions: { code } }] }]);
      }
    } finally {
      await uploads.close();
    }
  });
});
