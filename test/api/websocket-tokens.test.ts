import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { expiringToken, SECRET_KEY } from '../support/access-token.js';
import { Actor, collect, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { untilSettled } from '../support/eventually.js';
import { RawWebSocket } from '../support/raw-web-socket.js';

const EVENTS = `subscription ($id: ID!) {
  conversationEvents(conversationId: $id) { ... on MessageCreated { message { id } } }
}`;
const ME = '{ me { id } }';
/** Lifetime of a token: long enough to open the streams under test, short enough to wait for. */
const SECONDS = 4;

type User = Awaited<ReturnType<typeof signUp>>;

describe.each(stores)('the token of a WebSocket on %s', (on) => {
  let app: TestApp;
  const sockets: RawWebSocket[] = [];
  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { SECRET_KEY } });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.close();
    await app.close();
  });

  const open = async (token?: string) => {
    const socket = await RawWebSocket.open(app.url, token);
    sockets.push(socket);
    return socket;
  };
  /** Logs the same user in again. */
  const loginAgain = async (user: User) => {
    const again = new Actor(app.url, user.credentials);
    await again.login();
    return again;
  };
  const say = async (user: Actor, conversationId: string) => {
    const { createMessage } = await user.ask<{ createMessage: { message: { id: string } } }>(
      'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } } }',
      { input: { conversationId, content: { text: 'hello' }, messageType: 'user' } },
    );
    return createMessage.message.id;
  };
  /** Whether the subscription with this id delivers messages that are sent from now on. */
  const hears = async (socket: RawWebSocket, id: string, user: Actor, conversationId: string) => {
    const said = new Set<string>();
    const heard = (async () => {
      for (;;) {
        const { payload } = await socket.next('next', id);
        const { data } = payload as { data?: { conversationEvents: { message?: { id: string } } } | null };
        if (data == null) return false;
        if (said.has(data.conversationEvents.message?.id ?? '')) return true;
      }
    })();
    await untilSettled(heard, async () => said.add(await say(user, conversationId)));
    return heard;
  };
  const answer = async (socket: RawWebSocket, id: string, query: string) => {
    socket.subscribe(id, query);
    return (await socket.next('next', id)).payload;
  };

  it('closes the socket when it expires and not before, with what runs on it told first', async () => {
    const user = await signUp(app);
    const conversationId = await user.createConversation();
    const { token, expiresAt } = await expiringToken(app.database, user.userId, SECONDS);
    const [idle, busy] = await Promise.all([open(token), open(token)]);
    busy.subscribe('1', EVENTS, { id: conversationId });
    const last = busy.next('next', '1');
    for (const closed of await Promise.all([idle.closed, busy.closed])) {
      expect(closed).toMatchObject({ code: 4403, reason: 'Token expired' });
      expect(closed.at).toBeGreaterThanOrEqual(expiresAt.getTime());
    }
    expect(await last).toMatchObject({
      payload: { errors: [{ message: 'Invalid token', extensions: { code: 'UNAUTHENTICATED' } }] },
    });
    await expect(busy.next('complete', '1')).resolves.toMatchObject({ id: '1' });
  });

  it('ends an event stream when it expires and not before', async () => {
    const user = await signUp(app);
    const conversationId = await user.createConversation();
    const { token, expiresAt } = await expiringToken(app.database, user.userId, SECONDS);
    const reader = new Actor(app.url);
    reader.token = token;
    const results = await collect(reader.eventStream(EVENTS, { id: conversationId }));
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
    expect(results).toMatchObject([{ errors: [{ message: 'Invalid token' }] }]);
  });

  it('may be renewed: the socket and its subscriptions go on under the new one', async () => {
    const user = await signUp(app);
    const conversationId = await user.createConversation();
    const { token } = await expiringToken(app.database, user.userId, SECONDS);
    const [renewed, left] = await Promise.all([open(token), open(token)]);
    renewed.subscribe('1', EVENTS, { id: conversationId });
    expect(await hears(renewed, '1', user, conversationId)).toBe(true);
    const { expiresAt } = (await renewed.renew(user.token ?? '')) as { expiresAt: string };
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 3_000_000);
    await left.closed;
    expect(await hears(renewed, '1', user, conversationId)).toBe(true);
    expect(JSON.stringify(await renewed.renew(user.token ?? ''))).toContain(expiresAt);
    renewed.send({ id: '1', type: 'complete' });
    expect(await answer(renewed, '2', ME)).toEqual({ data: { me: { id: user.userId } } });
    await user.ask('mutation { logout }');
    expect(await renewed.closed).toMatchObject({ code: 4403, reason: 'Session ended' });
  });

  it('may be renewed with the npm package graphql-ws, as the documentation says', async () => {
    const user = await signUp(app);
    const again = await loginAgain(user);
    const conversationId = await user.createConversation();
    let authorization = `Bearer ${user.token ?? ''}`;
    const client = createClient({
      url: `${app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: () => ({ authorization }),
    });
    const connections: WebSocket[] = [];
    client.on('connected', (socket) => connections.push(socket as WebSocket));
    const renewed = new Promise((resolve) => {
      client.on('pong', (_received, payload) => {
        resolve(payload);
      });
    });
    const events = client.iterate({ query: EVENTS, variables: { id: conversationId } });
    const first = events.next();
    await untilSettled(first, () => say(user, conversationId));
    authorization = `Bearer ${again.token ?? ''}`;
    connections[0]?.send(JSON.stringify({ type: 'ping', payload: { authorization } }));
    expect(await renewed).toMatchObject({ expiresAt: expect.any(String) });
    await user.ask('mutation { logout }');
    await user.graphql(ME);
    const next = events.next();
    await untilSettled(next, () => say(again, conversationId));
    expect(await next).toMatchObject({ done: false, value: { data: expect.anything() } });
    expect(connections).toHaveLength(1);
    await again.ask('mutation { logout }');
    expect((await collect(events)).at(-1)).toMatchObject({ errors: [{ message: 'Invalid token' }] });
    await client.dispose();
  });

  it('may be renewed by that of another session of the same user, whose end then counts', async () => {
    const user = await signUp(app);
    const again = await loginAgain(user);
    const conversationId = await user.createConversation();
    const [renewed, left] = await Promise.all([open(user.token), open(user.token)]);
    renewed.subscribe('1', EVENTS, { id: conversationId });
    expect(await hears(renewed, '1', user, conversationId)).toBe(true);
    await renewed.renew(again.token ?? '');
    await user.ask('mutation { logout }');
    expect(await left.closed).toMatchObject({ code: 4403, reason: 'Session ended' });
    expect(await hears(renewed, '1', again, conversationId)).toBe(true);
    await again.ask('mutation { logout }');
    expect(await renewed.closed).toMatchObject({ code: 4403, reason: 'Session ended' });
  });

  it('may come over the socket after a login over it', async () => {
    const user = new Actor(app.url);
    const userId = await user.createUser();
    const socket = await open();
    const { email, password } = user.credentials;
    const login = `mutation { login(input: { email: "${email}", password: "${password}" }) { accessToken } }`;
    const { data } = (await answer(socket, '1', login)) as { data: { login: { accessToken: string } } };
    expect(await answer(socket, '2', ME)).toMatchObject({ errors: [{ message: 'Missing credentials' }] });
    expect(await socket.renew(data.login.accessToken)).toMatchObject({ expiresAt: expect.any(String) });
    expect(await answer(socket, '3', ME)).toEqual({ data: { me: { id: userId } } });
    expect(await answer(socket, '4', 'mutation { logout }')).toEqual({ data: { logout: true } });
    expect(await socket.closed).toMatchObject({ code: 4403, reason: 'Session ended' });
  });

  it("closes the socket when it is renewed by another user's, an expired, a revoked or a forged one", async () => {
    const [user, other] = await Promise.all([signUp(app), signUp(app)]);
    const revoked = await loginAgain(user);
    await revoked.ask('mutation { logout }');
    const expired = await expiringToken(app.database, user.userId, -1);
    const good = user.token ?? '';
    for (const [token, reason] of [
      [other.token, "Another user's token"],
      [expired.token, 'Invalid token'],
      [revoked.token, 'Invalid token'],
      [`${good.slice(0, -3)}${good.endsWith('AAA') ? 'BBB' : 'AAA'}`, 'Invalid token'],
      ['', 'Invalid token'],
    ] as const) {
      const socket = await open(good);
      socket.send({ type: 'ping', payload: { authorization: `Bearer ${token ?? ''}` } });
      expect(await socket.closed).toMatchObject({ code: 4403, reason });
    }
    expect((await user.graphql(ME)).data).toEqual({ me: { id: user.userId } });
  });
});
