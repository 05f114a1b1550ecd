import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SECRET_KEY } from '../support/access-token.js';
import { Actor, collect, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { flippedBits, forgerOf } from '../support/forged-tokens.js';
import { RawWebSocket } from '../support/raw-web-socket.js';

const ME = '{ me { id } }';
const EVENTS = 'subscription { conversationEvents(conversationId: "x") { __typename } }';
const AT_ONCE = 50;

interface Door {
  /** The answer to an invalid token. */
  readonly refusal: string;
  /** Presents the bearer's token; returns the answer. */
  readonly show: (bearer: Actor, user: Actor) => Promise<string>;
}

interface Result {
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
}

const errorIn = (result: Result | undefined) => {
  const [error] = result?.errors ?? [];
  return `${String(error?.extensions?.['code'])} ${String(error?.message)}`;
};
const byGraphQL: Door = {
  refusal: 'UNAUTHENTICATED Invalid token',
  show: async (bearer) => errorIn(await bearer.graphql(ME)),
};
const byRest: Door = {
  refusal: '401 Invalid token',
  show: async (bearer) => {
    const { status, body } = await bearer.rest('POST', '/auth/verify');
    return `${status} ${body.message}`;
  },
};
const doors: Readonly<Record<string, Door>> = {
  GraphQL: byGraphQL,
  REST: byRest,
  'an event stream': {
    refusal: 'UNAUTHENTICATED Invalid token',
    show: async (bearer) => errorIn((await collect(bearer.eventStream(EVENTS))).at(0)),
  },
  'a new WebSocket': {
    refusal: '4403 Invalid token',
    show: async (bearer) => {
      const socket = await RawWebSocket.connect(bearer.url);
      socket.send({ type: 'connection_init', payload: bearer.headers });
      const { code, reason } = await socket.closed;
      return `${code} ${reason}`;
    },
  },
  'an open WebSocket': {
    refusal: '4403 Invalid token',
    show: async (bearer, user) => {
      const socket = await RawWebSocket.open(user.url, user.token);
      socket.send({ type: 'ping', payload: bearer.headers });
      const { code, reason } = await socket.closed;
      return `${code} ${reason}`;
    },
  },
};

describe.each(stores)('forged access tokens on %s', (on) => {
  let app: TestApp;
  let user: Awaited<ReturnType<typeof signUp>>;
  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { SECRET_KEY } });
    user = await signUp(app);
  });
  afterAll(() => app.close());

  const bearerOf = (token: string) => Object.assign(new Actor(app.url), { token });

  it('are made of one that is good', async () => {
    const { sign } = forgerOf(user.token ?? '', SECRET_KEY);
    for (const token of [user.token ?? '', sign()]) {
      expect(await bearerOf(token).graphql(ME)).toEqual({ data: { me: { id: user.userId } } });
      const socket = await RawWebSocket.open(app.url, user.token);
      expect(await socket.renew(token)).toMatchObject({ expiresAt: expect.any(String) });
      socket.close();
    }
  });

  it.each(Object.entries(doors))('are all refused by %s', async (_, { show, refusal }) => {
    const { forgeries } = forgerOf(user.token ?? '', SECRET_KEY);
    expect(forgeries.length).toBeGreaterThan(40);
    for (const [fault, token] of forgeries) {
      expect([fault, await show(bearerOf(token), user)]).toEqual([fault, refusal]);
    }
  });

  it('that differ in one bit are all refused, by GraphQL and by REST in turn', async () => {
    // Only tokens of visible ASCII characters can be sent in a header.
    const tokens = flippedBits(user.token ?? '').filter((token) => /^[\x21-\x7e]+$/.test(token));
    expect(tokens.length).toBeGreaterThan(4_000);
    for (let start = 0; start < tokens.length; start += AT_ONCE) {
      const batch = tokens.slice(start, start + AT_ONCE).map(async (token, index) => {
        const { show, refusal } = index % 2 === 0 ? byGraphQL : byRest;
        return [token, await show(bearerOf(token), user), refusal] as const;
      });
      for (const [token, answer, refusal] of await Promise.all(batch)) {
        expect([token, answer]).toEqual([token, refusal]);
      }
    }
  });
});
