import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeSchema } from '../../src/app-schema.js';
import { TOKEN_SCOPES, type TokenScope } from '../../src/kernel/token-scopes.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import {
  ACTORS,
  Cast,
  INTERNAL_KEY,
  type ActorName,
  type CastMember,
  type Target,
} from '../support/authorisation-cast.js';
import { AUTHORISATION, type AuthorisationRow, type Decision, type Variables } from '../support/authorisation-table.js';
import { IDEMPOTENCY } from '../support/idempotency-table.js';
import { graphqlCall, restCall, rootFieldsOf, type HttpCall, type RootField } from '../support/generated-call.js';

const PLAN = { price: 0, daily_messages: 9_000, daily_tokens: 9_000_000, max_conversations: 900, max_file_uploads: 99 };
const SETTINGS = {
  PLANS: JSON.stringify({ free: PLAN, pro: PLAN }),
  INTERNAL_API_KEY: INTERNAL_KEY,
};

const fields = rootFieldsOf(describeSchema());
const rows = fields.flatMap((field) => {
  const row = AUTHORISATION[field.name];
  return row === undefined ? [] : [{ ...field, row }];
});

const STATUS: Readonly<Record<Decision, string>> = {
  allowed: '200',
  'missing credentials': '401',
  'invalid token': '401',
  forbidden: '403',
  'account disabled': '403 Account disabled',
  'not found': '404',
  null: '200',
  'bad input': '400',
  'invalid challenge': '401',
  'invalid passkey': '401',
};

describe.each(stores)('authorisation on %s', (on) => {
  let app: TestApp;
  let shared: Cast;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: SETTINGS });
    shared = new Cast(app);
  });
  afterAll(() => app.close());

  /** The decision for each kind of caller. If the call ends the caller's account or session, each caller gets a new cast. */
  async function decisionsBy(
    { row }: { readonly row: AuthorisationRow },
    decide: (caller: CastMember, variables: Variables, target: Target) => Promise<string>,
  ): Promise<Record<string, string>> {
    const decisions: [ActorName, string][] = [];
    for (const name of ACTORS) {
      const cast = row.ends === true ? new Cast(app) : shared;
      const [caller, target] = await Promise.all([cast.member(name), cast.target()]);
      const variables = (await row.variables?.(target, caller)) ?? {};
      decisions.push([name, await decide(caller, variables, target)]);
    }
    return Object.fromEntries(decisions);
  }

  const send = ({ method, path, headers, body }: HttpCall, caller: CastMember) =>
    fetch(app.url + path, {
      method,
      headers: { ...headers, ...caller.headers },
      ...(body === undefined ? {} : { body }),
    });

  it.each(rows)('$name decides as the table says, over GraphQL', async (field) => {
    const decisions = await decisionsBy(field, async (caller, variables, target) => {
      const response = await send(graphqlCall(field, variables), caller);
      const stir = field.row.stir && (() => field.row.stir?.(target, variables, caller));
      return graphqlDecision(field, await firstResult(response, stir));
    });
    expect(decisions).toEqual(field.row.decisions);
  });

  const routes = rows.flatMap((field) =>
    field.routes.map((route) => ({ ...field, route, title: `${route.method} ${route.path}` })),
  );

  it.each(routes)('$title decides as $name does', async (field) => {
    const decisions = await decisionsBy(field, async (caller, variables) => {
      const response = await send(restCall(field, field.route, variables), caller);
      const text = await response.text();
      return text.includes('"Account disabled"') ? `${response.status} Account disabled` : String(response.status);
    });
    const expected = Object.entries(field.row.decisions).map(([name, decision]) => [name, STATUS[decision]]);
    expect(decisions).toEqual(Object.fromEntries(expected));
  });

  /** A caller with a token of the owner's that has these scopes. */
  const holder = async (scopes: readonly TokenScope[]): Promise<CastMember> => {
    const { owner } = await shared.target();
    return { ...owner, headers: { authorization: `Bearer ${await shared.accessToken(scopes)}` } };
  };
  const messageOf = async (response: Response) =>
    response.headers.get('content-type')?.startsWith('text/event-stream') === true
      ? ((await firstEvent(response)).errors?.[0]?.message ?? '')
      : await response.text();
  const guarded = rows.filter(({ row }) => row.access !== 'anyone');
  const scoped = guarded.filter(({ row }) => row.token !== 'closed');

  it.each(guarded.filter(({ row }) => row.token !== 'any'))(
    '$name refuses a personal access token without its scope',
    async (field) => {
      const { token } = field.row;
      const [group] = token.split(':');
      const others = TOKEN_SCOPES.filter((scope) => scope.split(':')[0] !== group || scope.endsWith(':read'));
      const caller = await holder(others.filter((scope) => scope !== token));
      const refusal =
        token === 'closed' ? 'This is not open to access tokens: log in' : `This token lacks the scope ${token}`;
      const target = await shared.target();
      const variables = (await field.row.variables?.(target, caller)) ?? {};
      const calls = [graphqlCall(field, variables), ...field.routes.map((route) => restCall(field, route, variables))];
      expect(await Promise.all(calls.map(async (call) => messageOf(await send(call, caller))))).toEqual(
        calls.map(() => expect.stringContaining(refusal)),
      );
    },
  );

  it.each(scoped)('$name lets a personal access token with its scope do what its user may', async (field) => {
    const { token, decisions } = field.row;
    const caller = await holder([token === 'any' || token === 'closed' ? 'conversations:read' : token]);
    const target = await shared.target();
    const variables = (await field.row.variables?.(target, caller)) ?? {};
    const stir = field.row.stir && (() => field.row.stir?.(target, variables, target.owner));
    const answer = await firstResult(await send(graphqlCall(field, variables), caller), stir);
    expect(graphqlDecision(field, answer)).toBe(decisions.owner);
  });

  // Whoever ends the session or the account that the request comes with cannot come again.
  const keyed = rows.filter(
    ({ kind, field, row: { ends, decisions } }) =>
      kind === 'mutation' &&
      IDEMPOTENCY[field.name]?.startsWith('key') === true &&
      (ends !== true || decisions.admin === 'allowed'),
  );

  it.each(keyed)('$name answers all requests with one Idempotency-Key alike, over each of its doors', async (field) => {
    const { decisions, ends } = field.row;
    const isForAdmin = decisions.admin === 'allowed' && (ends === true || decisions.owner !== 'allowed');
    const name = isForAdmin ? 'admin' : 'owner';
    const cast = ends === true ? new Cast(app) : shared;
    const [caller, target] = await Promise.all([cast.member(name), cast.target()]);
    const variables = (await field.row.variables?.(target, caller)) ?? {};
    const key = { 'idempotency-key': crypto.randomUUID() };
    const sendKeyed = (call: HttpCall) => send({ ...call, headers: { ...call.headers, ...key } }, caller);
    const first = await sendKeyed(graphqlCall(field, variables));
    const answer = (await first.json()) as GraphQLAnswer;
    expect(graphqlDecision(field, answer)).toBe(decisions[name]);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    const isKept = !['UNAUTHENTICATED', 'QUOTA_EXCEEDED'].includes(answer.errors?.[0]?.extensions.code ?? '');
    const again = await sendKeyed(graphqlCall(field, variables));
    expect(await again.json()).toEqual(answer);
    expect(again.headers.get('idempotency-replayed')).toBe(isKept ? 'true' : null);
    for (const route of field.routes) {
      const response = await sendKeyed(restCall(field, route, variables));
      const status = STATUS[decisions[name]].slice(0, 3);
      expect([String(response.status), await response.text()]).toEqual([status, expect.any(String)]);
      expect(response.headers.get('idempotency-replayed')).toBe(isKept ? 'true' : null);
    }
  });

  it('every operation of the OpenAPI document is the route of a field in the table', async () => {
    const response = await fetch(`${app.url}/api/v1/openapi.json`);
    const { paths } = (await response.json()) as { readonly paths: Record<string, Record<string, unknown>> };
    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual([...new Set(routes.map(({ title }) => title))].sort());
  });
});

interface GraphQLAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

/** The answer, or the first event of a stream, which `stir` triggers. */
async function firstResult(response: Response, stir: (() => unknown) | undefined): Promise<GraphQLAnswer> {
  if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) {
    return (await response.json()) as GraphQLAnswer;
  }
  const first = firstEvent(response);
  if (stir === undefined) return first;
  // Stirring once is not enough: the stream may answer before it listens, and events in between are lost.
  for (;;) {
    await stir();
    const result = await Promise.race([first, Promise.resolve(undefined)]);
    if (result !== undefined) return result;
  }
}

async function firstEvent(response: Response): Promise<GraphQLAnswer> {
  let text = '';
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const data = /^event: next\ndata: (.*)\n\n/m.exec(text)?.[1];
    if (data !== undefined) return JSON.parse(data) as GraphQLAnswer;
  }
  // A refusal would be an event, so a stream that ends without any was allowed.
  return {};
}

function graphqlDecision({ field }: RootField, { data, errors }: GraphQLAnswer): string {
  const [error] = errors ?? [];
  if (error === undefined) return data?.[field.name] === null ? 'null' : 'allowed';
  const { message, extensions } = error;
  switch (extensions.code) {
    case 'UNAUTHENTICATED':
      return message === 'Missing credentials' ? 'missing credentials' : message.toLowerCase();
    case 'FORBIDDEN':
      return message === 'Account disabled' ? 'account disabled' : 'forbidden';
    case 'NOT_FOUND':
      return 'not found';
    case 'BAD_USER_INPUT':
      return 'bad input';
    default:
      return `${extensions.code} ${message}`;
  }
}
