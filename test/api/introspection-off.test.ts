import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('a service that tells neither its schema nor its pages', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ settings: { INTROSPECTION: 'off', GRAPHIQL: 'off', DOCS: 'off' } });
  });
  afterAll(() => app.close());

  it('refuses introspection, and proposes no names, but works', async () => {
    const anyone = new Actor(app.url, { email: 'nobody@example.com', password: 'none' });
    const messages = async (query: string, variables?: Record<string, unknown>) =>
      (await anyone.graphql(query, variables)).errors?.map(({ message }) => message);
    expect(await messages('{ __schema { types { name } } }')).toEqual(['Introspection is off on this server']);
    expect(await messages('{ healt { status } }')).toEqual(['Cannot query field "healt" on type "Query".']);
    const create = 'mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }';
    expect((await messages(create, { input: { emial: 'a@example.com' } }))?.join()).not.toContain('Did you mean');
    expect(await messages('{ health { status } }')).toBeUndefined();
  });

  it.each(['/docs', '/docs/start.js', '/api/v1/openapi.json'])('has nothing at %s', async (path) => {
    expect((await fetch(`${app.url}${path}`)).status).toBe(404);
  });

  it('has no page at /graphql, and no link to one', async () => {
    const page = await fetch(`${app.url}/graphql`, { headers: BROWSER });
    expect(page.headers.get('content-type')).toMatch(/json/);
    const welcome = await (await fetch(app.url, { headers: BROWSER })).text();
    expect(welcome).toContain('href="/api/v1/health"');
    expect(welcome).not.toMatch(/graphql"|GraphiQL|docs|openapi/);
  });
});
