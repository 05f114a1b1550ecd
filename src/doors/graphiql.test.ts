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
  });

  it('does not come in place of an answer', async () => {
    expect(await (await page({}, '?query={hello}')).json()).toEqual({ data: { hello: 'Hello, world' } });
  });

  it('opens with operations that the schema has', async () => {
    const schema = buildSchema(await readFile('schema/schema.graphql', 'utf8'));
    for (const { query } of GRAPHIQL_TABS) expect(validate(schema, parse(query))).toEqual([]);
  });
});
