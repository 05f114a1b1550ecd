import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, collect, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { RawWebSocket } from '../support/raw-web-socket.js';
import { askModel, REPLY, ROOMY_PLANS, streamingDoors, type StreamingDoor } from '../support/replies.js';

const ADMIN = { email: 'admin@example.com', password: 'a password of the house' };
const REFRESH = 'mutation ($token: String!) { refreshTokens(refreshToken: $token) { accessToken refreshToken } }';

interface RefreshAnswer {
  readonly refreshTokens: { readonly accessToken: string; readonly refreshToken: string };
}

type User = Awaited<ReturnType<typeof signUp>>;

interface Ending {
  /** Ends the session of the user's tokens, as the user or as an admin. */
  readonly end: (user: User, admin: Actor, refreshToken: string) => Promise<unknown>;
  readonly error: { readonly message: string; readonly code: string };
  readonly status: number;
}

const INVALID_TOKEN = { error: { message: 'Invalid token', code: 'UNAUTHENTICATED' }, status: 401 };

const endings: Readonly<Record<string, Ending>> = {
  'a logout': { end: (user) => user.ask('mutation { logout }'), ...INVALID_TOKEN },
  'a logout over REST': { end: (user) => user.rest('POST', '/auth/logout'), ...INVALID_TOKEN },
  'a revocation from another tab': {
    end: async (user) => {
      const { sessions } = await user.ask<{ sessions: { id: string; isCurrent: boolean }[] }>(
        '{ sessions { id isCurrent } }',
      );
      const otherTab = new Actor(user.url, user.credentials);
      await otherTab.login();
      const id = sessions.find(({ isCurrent }) => isCurrent)?.id;
      await otherTab.ask('mutation ($id: ID!) { revokeSession(id: $id) }', { id });
    },
    ...INVALID_TOKEN,
  },
  'a refresh token that comes back': {
    end: async (user, _, refreshToken) => {
      const { refreshTokens } = await user.ask<RefreshAnswer>(REFRESH, { token: refreshToken });
      await user.ask(REFRESH, { token: refreshTokens.refreshToken });
      await user.graphql(REFRESH, { token: refreshToken });
    },
    ...INVALID_TOKEN,
  },
  "an admin's revocation": {
    end: async (user, admin) => {
      const { body } = await admin.rest('GET', `/admin/users/${user.userId}/sessions`);
      for (const { session_id } of body.data as { session_id: string }[])
        await admin.rest('DELETE', `/admin/users/${user.userId}/sessions/${session_id}`);
    },
    ...INVALID_TOKEN,
  },
  "an admin's revocation of all": {
    end: (user, admin) =>
      admin.ask('mutation ($id: ID!) { adminRevokeAllSessions(userId: $id) { ended } }', { id: user.userId }),
    ...INVALID_TOKEN,
  },
  'a new password, set by an admin': {
    end: (user, admin) =>
      admin.ask('mutation ($id: ID!) { updateUser(id: $id, input: { password: "another battery" }) { id } }', {
        id: user.userId,
      }),
    ...INVALID_TOKEN,
  },
  "an admin's suspension": {
    end: (user, admin) =>
      admin.ask('mutation ($id: ID!) { updateUser(id: $id, input: { isSuspended: true }) { id } }', {
        id: user.userId,
      }),
    error: { message: 'Account disabled', code: 'FORBIDDEN' },
    status: 403,
  },
  "the account's deletion": {
    end: (user) => user.ask('mutation { deleteMe { id } }'),
    error: { message: 'User not found', code: 'NOT_FOUND' },
    status: 404,
  },
  "an admin's deletion of the account": {
    end: (user, admin) => admin.ask('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id: user.userId }),
    error: { message: 'User not found', code: 'NOT_FOUND' },
    status: 404,
  },
};

describe.each(stores)('on %s', (on) => {
  let app: TestApp;
  let admin: Actor;

  beforeAll(async () => {
    app = await startTestApp({
      stores: on,
      settings: { PLANS: ROOMY_PLANS, ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password },
    });
    admin = new Actor(app.url, ADMIN);
    await admin.login();
  });
  afterAll(async () => {
    // Otherwise the shutdown would wait for the silent replies until their grace period ends.
    app.model.hangUp();
    await app.close();
  });

  /** A stream that has delivered its first event, and is silent now. */
  const silentStream = async (user: Actor, door: StreamingDoor) => {
    app.model.reply({ chunks: ['The ', 'sky'], stallAfter: 1 });
    const id = await askModel(user, await user.createConversation());
    const results = user[door](REPLY, { id });
    await results.next();
    return { ended: collect(results).catch((error: unknown) => [{ errors: error }]) };
  };

  /** A REST stream of an answer that has begun, and is silent now. */
  const silentRestStream = async (user: Actor, accept: string) => {
    app.model.reply({ chunks: ['The ', 'sky'], stallAfter: 1 });
    const { body } = await fetch(`${app.url}/api/v1/chat?stream=true`, {
      method: 'POST',
      headers: { ...user.headers, accept, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'Why?' }),
    });
    if (body === null) throw new Error('No body');
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    await reader.read();
    return { rest: readAll(reader) };
  };

  it("a logout ends REST's streams: events with the error, plain text by breaking off", async () => {
    const user = await signUp(app);
    const events = await silentRestStream(user, 'text/event-stream');
    const text = await silentRestStream(user, 'text/plain');
    const isBroken = expect(text.rest).rejects.toThrow('terminated');
    await user.rest('POST', '/auth/logout');
    expect(await events.rest).toBe('event: failed\ndata: {"code":"UNAUTHENTICATED","reason":"Invalid token"}\n\n');
    await isBroken;
  });

  describe.each(Object.entries(endings))('%s', (_, { end, error, status }) => {
    it("refuses the session's next request through every door, and ends its streams", async () => {
      const user = await signUp(app);
      const { refreshToken } = await user.login();
      const idle = await RawWebSocket.open(app.url, user.token);
      const streams = await Promise.all(streamingDoors.map((door) => silentStream(user, door)));
      await end(user, admin, refreshToken);
      expect(await idle.closed).toMatchObject({ code: 4403, reason: 'Session ended' });
      for (const { ended } of streams) {
        const last = (await ended).at(-1);
        expect(last).toMatchObject({ errors: [{ message: 'Invalid token', extensions: { code: 'UNAUTHENTICATED' } }] });
      }
      const refused = { message: error.message, extensions: { code: error.code } };
      const { errors } = await user.graphql('{ me { id } }');
      expect(errors?.[0]).toMatchObject(refused);
      expect(await user.rest('GET', '/users/me')).toMatchObject({
        status,
        body: { code: status, message: error.message, data: null },
      });
      expect(await collect(user.eventStream(REPLY, { id: user.userId }))).toMatchObject([{ errors: [refused] }]);
      const closing = await collect(user.webSocket(REPLY, { id: user.userId })).catch((event: unknown) => event);
      const { code, reason } = closing as CloseEvent;
      expect({ code, reason }).toEqual({ code: 4403, reason: error.message });
    });
  });

  it("a logout leaves the user's other sessions and their streams alone", async () => {
    const user = await signUp(app);
    const other = new Actor(app.url, user.credentials);
    await other.login();
    const { ended } = await silentStream(other, 'webSocket');
    const own = await silentStream(user, 'webSocket');
    await user.ask('mutation { logout }');
    await own.ended;
    expect(await Promise.race([ended.then(() => 'ended'), other.ask('{ me { id } }')])).toEqual({
      me: { id: user.userId },
    });
    await other.ask('mutation { logout }');
    await ended;
  });

  it('a logout with the tokens of a refresh ends the session that they were refreshed in', async () => {
    const user = new Actor(app.url);
    await user.createUser();
    const { refreshToken } = await user.login();
    const refresh = (token: string) => user.graphql<RefreshAnswer>(REFRESH, { token });
    const { data } = await refresh(refreshToken);
    const renewedUser = new Actor(app.url, user.credentials);
    renewedUser.token = data?.refreshTokens.accessToken;
    await renewedUser.ask('mutation { logout }');
    const { errors } = await user.graphql('{ me { id } }');
    expect(errors?.[0]).toMatchObject({ message: 'Invalid token' });
    const late = await refresh(data?.refreshTokens.refreshToken ?? '');
    expect(late.errors?.[0]).toMatchObject({ message: 'Invalid token' });
  });
});

async function readAll(reader: ReadableStreamDefaultReader<string>): Promise<string> {
  let all = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return all;
    all += value;
  }
}
