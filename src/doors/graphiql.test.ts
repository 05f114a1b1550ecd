import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildSchema, parse, validate } from 'graphql';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';
import { rawRequest } from '../../test/support/raw-request.js';
import { GRAPHIQL_TABS } from './graphiql-tabs.js';

let doors: ExampleDoors;
beforeAll(async () => {
  doors = await startDoors();
});
afterAll(() => doors.close());

const page = (headers: Record<string, string> = {}, search = '') =>
  fetch(`${doors.url}${search}`, { headers: { accept: 'text/html,*/*;q=0.8', ...headers } });

describe('GraphiQL', () => {
  it('is what a browser gets, compressed, and needs nothing from elsewhere', async () => {
    const answer = await page();
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect(answer.headers.get('vary')).toBe('Accept, Accept-Encoding');
    expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'.*connect-src 'self'/);
    const html = await answer.text();
    expect(html).toContain('<title>Example</title>');
    expect(html).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?\/\//);
  });

  it('is the same for a client that takes no compression', async () => {
    const { headers, text } = await rawRequest(doors.port, { path: '/graphql', headers: { accept: 'text/html' } });
    expect(headers['content-encoding']).toBeUndefined();
    const compressed = await fetch(doors.url, { headers: { accept: 'text/html', 'accept-encoding': 'gzip' } });
    expect(await compressed.text()).toBe(text);
    expect(() => gunzipSync(Buffer.from(text))).toThrow();
  });

  it('is not sent again to a browser that has it', async () => {
    const first = await page();
    await first.arrayBuffer();
    const again = await page({ 'if-none-match': first.headers.get('etag') ?? '' });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await page({ 'if-none-match': `"other", W/${first.headers.get('etag') ?? ''}` })).status).toBe(304);
    expect((await page({ 'if-none-match': '*' })).status).toBe(304);
  });

  it.each([
    '?query={hello}',
    '?query=%7Bhello%7D&operationName=A&variables={}',
    '?query=mutation{x}',
    '?nonsense',
    '?',
  ])('is what a browser gets at an address with %s, as after a reload', async (search) => {
    const answer = await page({}, search);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await answer.text()).toContain('<title>Example</title>');
  });

  it.each([
    '*/*',
    'application/json',
    'application/graphql-response+json, application/json;q=0.9',
    'application/json, text/html;q=0.9',
    'application/json, text/plain, */*',
    'text/html;q=0, */*',
    'text/html;q=0.5, application/json',
  ])('does not come in place of an answer to a client that accepts %s', async (accept) => {
    const answer = await page({ accept }, '?query={hello}');
    expect(await answer.json()).toEqual({ data: { hello: 'Hello, world' } });
  });

  it('does not come in place of a stream', async () => {
    const answer = await page({ accept: 'text/event-stream' }, '?query=subscription{count(to:1)}');
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await answer.text()).toContain('{"data":{"count":1}}');
  });

  it('opens with operations that the schema has', async () => {
    const schema = buildSchema(await readFile('schema/schema.graphql', 'utf8'));
    for (const { query } of GRAPHIQL_TABS) expect(validate(schema, parse(query))).toEqual([]);
  });
});
