import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const REFRESH =
  'mutation ($token: String!) { refreshTokens(refreshToken: $token) { accessToken refreshToken expiresIn } }';
const AT_ONCE = 100;

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Sends a refresh token; returns null when it is refused with the expected error. */
type Refresh = (stranger: Actor, token: string) => Promise<Tokens | null>;

const overGraphQL: Refresh = async (stranger, token) => {
  const { data, errors } = await stranger.graphql<{ refreshTokens: Tokens }>(REFRESH, { token });
  if (data != null) return data.refreshTokens;
  expect(errors).toMatchObject([{ message: 'Invalid token', extensions: { code: 'UNAUTHENTICATED' } }]);
  return null;
};

const overRest: Refresh = async (stranger, token) => {
  const answer = await stranger.rest('POST', '/auth/refresh', undefined, { 'x-refresh-token': token });
  if (answer.status === 200) {
    const { access_token: accessToken, refresh_token: refreshToken } = wire.dataOf(answer, wire.tokens);
    return { accessToken, refreshToken };
  }
  wire.expectError(answer, 401, 'Invalid token');
  return null;
};

describe.each(stores)('refresh tokens on %s', (on) => {
  let app: TestApp;
  let stranger: Actor;
  beforeAll(async () => {
    app = await startTestApp({ stores: on });
    stranger = new Actor(app.url);
  });
  afterAll(() => app.close());

  const newUser = async () => {
    const user = new Actor(app.url);
    await user.createUser();
    return user;
  };
  const isLoggedIn = async (user: Actor, { accessToken }: Tokens) => {
    const bearer = new Actor(app.url, user.credentials);
    bearer.token = accessToken;
    const { data } = await bearer.graphql('{ me { id } }');
    return data != null;
  };
  /** Makes all sessions look as if they had been refreshed so many seconds earlier. */
  const waitAfterRefresh = (seconds: number) =>
    app.database.query(`UPDATE sessions SET rotated_at = rotated_at - make_interval(secs => $1)`, [seconds]);

  describe.each([
    ['GraphQL', overGraphQL],
    ['REST', overRest],
  ])('over %s', (_, refresh) => {
    it('give one and the same successor to a hundred at once, and that one is good', async () => {
      const user = await newUser();
      const { refreshToken } = await user.login();
      const all = await Promise.all(Array.from({ length: AT_ONCE }, () => refresh(stranger, refreshToken)));
      const successors = new Set(all.map((tokens) => tokens?.refreshToken));
      expect(successors.size).toBe(1);
      for (const tokens of all) expect(tokens).not.toBeNull();
      const [successor = ''] = successors;
      expect(await refresh(stranger, successor)).toMatchObject({ refreshToken: expect.any(String) });
      const { rows } = await app.database.query(
        'SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = $1 AND s.revoked_at IS NULL',
        [user.credentials.email],
      );
      expect(rows).toHaveLength(1);
    });

    it('sent again ten seconds later end their session, its access tokens and its streams, and no other', async () => {
      const user = await newUser();
      const first = await user.login();
      const other = await user.login();
      const bearer = new Actor(app.url, user.credentials);
      const next = await refresh(stranger, first.refreshToken);
      if (next === null) throw new Error('refused');
      bearer.token = next.accessToken;
      const conversationId = await bearer.createConversation();
      const stream = bearer.eventStream(
        'subscription ($id: ID!) { conversationEvents(conversationId: $id) { __typename } }',
        { id: conversationId },
      );
      const ended = stream.next();
      await waitAfterRefresh(9);
      expect(await refresh(stranger, first.refreshToken)).toMatchObject({ refreshToken: next.refreshToken });
      expect(await isLoggedIn(user, next)).toBe(true);
      await waitAfterRefresh(1);
      expect(await refresh(stranger, first.refreshToken)).toBeNull();
      expect(await isLoggedIn(user, next)).toBe(false);
      expect(await refresh(stranger, next.refreshToken)).toBeNull();
      expect(JSON.stringify((await ended).value)).toContain('Invalid token');
      expect(await isLoggedIn(user, other)).toBe(true);
      expect(await refresh(stranger, other.refreshToken)).not.toBeNull();
    });

    it('whose successor was used end their session at once, a hundred times at once, and from generations back', async () => {
      const user = await newUser();
      const first = await user.login();
      const second = await refresh(stranger, first.refreshToken);
      const third = await refresh(stranger, second?.refreshToken ?? '');
      const fourth = await refresh(stranger, third?.refreshToken ?? '');
      if (fourth === null) throw new Error('refused');
      expect(await isLoggedIn(user, fourth)).toBe(true);
      const all = await Promise.all(Array.from({ length: AT_ONCE }, () => refresh(stranger, first.refreshToken)));
      expect(all.every((tokens) => tokens === null)).toBe(true);
      expect(await isLoggedIn(user, fourth)).toBe(false);
      expect(await refresh(stranger, fourth.refreshToken)).toBeNull();
    });
  });
});
