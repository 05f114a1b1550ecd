import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import pg from 'pg';
import { Actor, collect, signUp } from '../support/actor.js';
import { unlessBusy } from '../support/eventually.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { testServerUrl } from '../support/servers.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';
import { codeIn, startMailServer, type MailServer } from '../support/mail-server.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, type Program, type ProgramEnvironment } from '../support/program.js';
import { RawWebSocket } from '../support/raw-web-socket.js';
import { CHAT_EVENTS, ROOMY_PLANS } from '../support/replies.js';

const ADMIN = { email: 'admin@example.com', password: 'a password of the house' };
const KEYS = ['one key of thirty-two bytes or more', 'another key of thirty-two bytes too'];
const REFRESH = 'mutation ($token: String!) { refreshTokens(refreshToken: $token) { accessToken refreshToken } }';
const AT_ONCE = 100;
const GUESSES = 1_000;

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

type User = Awaited<ReturnType<typeof signUp>>;

const server = testServerUrl();
const redisUrl = process.env['TEST_REDIS_URL'];
const onServers = server === undefined || redisUrl === undefined ? describe.skip : describe;

onServers('two instances on one PostgreSQL and Redis', () => {
  const resources = new AsyncDisposableStack();
  let redis: FaultProxy;
  let model: ModelServer;
  let mail: MailServer;
  let databaseUrl: string;
  let environment: ProgramEnvironment;
  let first: Program;
  let second: Program;
  let admin: Actor;

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'flynkle-two-'));
    resources.defer(() => rm(directory, { recursive: true, force: true }));
    const database = await createMigratedDatabase(server ?? '');
    resources.defer(() => database.drop());
    databaseUrl = database.url;
    const { hostname, port, pathname } = new URL(redisUrl ?? '');
    redis = await startFaultProxy({ host: hostname, port: Number(port) });
    resources.defer(() => redis.close());
    model = await startModelServer();
    resources.defer(() => model.close());
    mail = await startMailServer();
    resources.defer(() => mail.close());
    resources.defer(killPrograms);
    environment = {
      DATA_DIR: directory,
      DATABASE_URL: database.url,
      REDIS_URL: `redis://127.0.0.1:${redis.port}${pathname}`,
      OPENAI_BASE_URL: model.url,
      PLANS: ROOMY_PLANS,
      RATE_LIMIT_CHAT: '1000/60',
      // What ends an answer here is the end of a session, however long a busy machine takes until then.
      MODEL_STALL_SECONDS: '600',
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      SECRET_KEY: KEYS.join(','),
      SMTP_URL: mail.url,
      RATE_LIMIT_CODE_ADDRESS: '100000/60',
      RATE_LIMIT_CODE_CLIENT: '100000/60',
      RATE_LIMIT_LOGIN: '10/600',
      RATE_LIMIT_LOGIN_CLIENT: '100000/60',
    };
    [first, second] = await Promise.all([startProgram(environment), startProgram(environment)]);
    admin = new Actor(first.url, ADMIN);
    await admin.login();
  });
  afterAll(() => resources.disposeAsync());

  const at = (instance: Program, user: Actor) =>
    Object.assign(new Actor(instance.url, user.credentials), { token: user.token });
  const refresh = async (instance: Program, token: string) =>
    (await new Actor(instance.url).graphql<{ refreshTokens: Tokens }>(REFRESH, { token })).data?.refreshTokens ?? null;
  const overBoth = <Result>(call: (instance: Program, number: number) => Promise<Result>, calls = AT_ONCE) =>
    Promise.all(Array.from({ length: calls }, (_, i) => call(i % 2 === 0 ? first : second, i)));

  /** A thousand wrong codes for a new password at once, then the right one: all are refused, and only five were compared. */
  const guessCodes = async () => {
    const { credentials } = await signUp(first);
    const { email } = credentials;
    await new Actor(first.url).rest('POST', '/auth/request-reset', { email });
    const code = codeIn((await mail.mailTo(email, 1)).message);
    const reset = async (instance: Program, otp: string) => {
      const input = { email, otp, new_password: 'a battery of horses' };
      const { status, body } = await unlessBusy(() =>
        new Actor(instance.url).rest('POST', '/auth/reset-password', input),
      );
      return `${status} ${body.message}`;
    };
    const wrong = (number: number) => String((Number(code) + 1 + number) % 1_000_000).padStart(6, '0');
    const answers = await overBoth((instance, number) => reset(instance, wrong(number)), GUESSES);
    expect([...new Set(answers)]).toEqual(['400 Invalid OTP']);
    for (const instance of [first, second]) expect(await reset(instance, code)).toBe('400 Invalid OTP');
    const client = new pg.Client(databaseUrl);
    await client.connect();
    const { rows } = await client.query<{ tries: number }>(
      'SELECT tries FROM one_time_codes c JOIN users u ON u.id = c.user_id WHERE u.email = $1',
      [email],
    );
    await client.end();
    expect(rows).toEqual([{ tries: 5 }]);
  };

  /** Two answers that have begun and are silent now, one over a socket and one over an event stream; and an idle socket. */
  const openOnSecond = async (user: User) => {
    const reader = at(second, user);
    const variables = { input: { message: 'Why?' } };
    const [idle, busy] = await Promise.all([
      RawWebSocket.open(second.url, user.token),
      RawWebSocket.open(second.url, user.token),
    ]);
    for (let i = 0; i < 2; i += 1) model.reply({ chunks: ['The ', 'sky'], stallAfter: 1 });
    busy.subscribe('1', CHAT_EVENTS, variables);
    const stream = reader.eventStream(CHAT_EVENTS, variables);
    for (const value of [(await busy.next('next', '1')).payload, (await stream.next()).value] as {
      data: unknown;
    }[]) {
      expect(value).toMatchObject({ data: { chat: { text: 'The ' } } });
    }
    const ended = Promise.all([
      idle.closed,
      busy.closed,
      busy.next('next', '1').then(({ payload }) => payload),
      collect(stream).then((results) => results.at(-1)),
    ]);
    // If a test fails before it awaits this, that failure is the one to report.
    ended.catch(() => undefined);
    return { ended };
  };
  const refused = { errors: [{ message: 'Invalid token', extensions: { code: 'UNAUTHENTICATED' } }] };
  const closed = { code: 4403, reason: 'Session ended' };

  /** Ends something on the first instance, and waits until everything that was open on the second has ended. */
  const endsThere = async ({ ended }: { ended: Promise<unknown> }, end: () => Promise<unknown>) => {
    await end();
    expect(await ended).toMatchObject([closed, closed, refused, refused]);
  };

  const endings: Readonly<Record<string, (user: User, tokens: Tokens) => Promise<unknown>>> = {
    'a logout': (user) => user.ask('mutation { logout }'),
    'a logout over REST': (user) => user.rest('POST', '/auth/logout'),
    'a revocation': async (user) => {
      const { sessions } = await user.ask<{ sessions: { id: string; isCurrent: boolean }[] }>(
        '{ sessions { id isCurrent } }',
      );
      await user.ask('mutation ($id: ID!) { revokeSession(id: $id) }', {
        id: sessions.find(({ isCurrent }) => isCurrent)?.id,
      });
    },
    'a refresh token that comes back': async (_, { refreshToken }) => {
      const next = await refresh(first, refreshToken);
      await refresh(first, next?.refreshToken ?? '');
      await refresh(first, refreshToken);
    },
    "an admin's revocation of all": ({ userId }) => admin.rest('DELETE', `/admin/users/${userId}/sessions`),
    'a suspension': ({ userId }) => admin.rest('PATCH', `/admin/users/${userId}`, { is_suspended: true }),
    'a deletion': ({ userId }) => admin.rest('DELETE', `/users/${userId}`),
    // Amid other ends, which are seen before it: whatever says what has ended since the last look has to wait for it.
    'a change in SQL that is committed late': async ({ userId }) => {
      const client = new pg.Client(databaseUrl);
      await client.connect();
      await client.query('BEGIN');
      await client.query(`UPDATE sessions SET revoked_at = now(), revocation_reason = 'REVOKED' WHERE user_id = $1`, [
        userId,
      ]);
      const other = await signUp(first);
      const socket = await RawWebSocket.open(second.url, other.token);
      await other.ask('mutation { logout }');
      expect(await socket.closed).toMatchObject(closed);
      await client.query('COMMIT');
      await client.end();
    },
    'a new password, set by an admin': ({ userId }) =>
      admin.rest('PATCH', `/admin/users/${userId}`, { password: 'another battery' }),
  };

  interface Opened {
    readonly user: User;
    readonly tokens: Tokens;
    readonly open: Awaited<ReturnType<typeof openOnSecond>>;
  }
  const newOpened = async (): Promise<Opened> => {
    const user = await signUp(first);
    const tokens = await user.login();
    return { user, tokens, open: await openOnSecond(user) };
  };
  const endsEverywhere = async (ending: string, { user, tokens, open }: Opened) => {
    expect((await at(second, user).graphql('{ me { id } }')).data).toEqual({ me: { id: user.userId } });
    await endsThere(open, () => endings[ending]?.(user, tokens) ?? Promise.reject(new Error(ending)));
    expect((await at(second, user).graphql('{ me { id } }')).data).toBeNull();
  };

  it.each(Object.keys(endings))('%s on one ends sockets and event streams on the other', async (ending) => {
    await endsEverywhere(ending, await newOpened());
  });

  it('give a refresh token that is sent to both, a hundred times at once, one successor', async () => {
    const user = await signUp(first);
    const other = await user.login();
    const { refreshToken } = await user.login();
    const all = await overBoth((instance) => refresh(instance, refreshToken));
    const successors = new Set(all.map((tokens) => tokens?.refreshToken));
    expect(successors.size).toBe(1);
    const [successor] = successors;
    const next = await overBoth((instance) => refresh(instance, successor ?? ''));
    expect(new Set(next.map((tokens) => tokens?.refreshToken)).size).toBe(1);
    for (const tokens of next) expect(tokens).not.toBeNull();
    expect(await overBoth((instance) => refresh(instance, refreshToken))).toEqual(Array(AT_ONCE).fill(null));
    expect(await refresh(second, next[0]?.refreshToken ?? '')).toBeNull();
    expect(await refresh(second, other.refreshToken)).not.toBeNull();
  });

  it('compare five of a thousand codes that are guessed over both at once', guessCodes);

  it('take the tokens of one that signs with a newer key, and it theirs, while keys are changed', async () => {
    const newer = await startProgram({ ...environment, SECRET_KEY: KEYS.toReversed().join(',') });
    const user = await signUp(first);
    const { refreshToken } = await user.login();
    const renewed = await refresh(newer, refreshToken);
    expect(await refresh(first, refreshToken)).toMatchObject({ refreshToken: renewed?.refreshToken });
    const [older, newest] = [user.token, renewed?.accessToken];
    const kids = [older, newest].map((token) => decodeProtectedHeader(token ?? '').kid);
    expect(new Set(kids).size).toBe(2);
    for (const token of [older, newest]) {
      for (const instance of [first, newer]) {
        const bearer = Object.assign(new Actor(instance.url), { token });
        expect((await bearer.graphql('{ me { id } }')).data).toEqual({ me: { id: user.userId } });
      }
    }
    newer.kill('SIGTERM');
    expect(await newer.exited).toMatchObject({ code: 0 });
  });

  it('renew the token of a socket on one by a refresh on the other', async () => {
    const user = await signUp(first);
    const { refreshToken } = await user.login();
    const socket = await RawWebSocket.open(second.url, user.token);
    const tokens = await refresh(first, refreshToken);
    expect(await socket.renew(tokens?.accessToken ?? '')).toMatchObject({ expiresAt: expect.any(String) });
    user.token = tokens?.accessToken;
    await user.ask('mutation { logout }');
    expect(await socket.closed).toMatchObject(closed);
  });

  describe('when Redis is killed', () => {
    const tryLogin = async (instance: Program, { email }: { email: string }, password = 'a wrong password') =>
      (await new Actor(instance.url).rest('POST', '/auth/login', { email, password })).status;
    let guessedAt: User;
    let revoked: User;
    const opened = new Map<string, Opened>();

    beforeAll(async () => {
      [guessedAt, revoked] = await Promise.all([signUp(first), signUp(first)]);
      for (const instance of [first, second, first, second]) {
        expect(await tryLogin(instance, guessedAt.credentials)).toBe(401);
      }
      for (const ending of Object.keys(endings)) opened.set(ending, await newOpened());
      await revoked.ask('mutation { logout }');
      redis.refuse();
    });
    afterAll(() => {
      redis.heal();
    });

    // First: a hundred guesses at once keep a slow machine busy for longer than the lease of the replies that are open.
    it.each(Object.keys(endings))('%s on one ends what was open on the other before', async (ending) => {
      const before = opened.get(ending);
      if (before === undefined) throw new Error(ending);
      await endsEverywhere(ending, before);
    });

    it('lift no login limit: what is left of it is left for both together', async () => {
      // Ten attempts in ten minutes; the user's first login and four guesses have used up five.
      const all = await overBoth((instance) => tryLogin(instance, guessedAt.credentials));
      expect(all.filter((status) => status === 401)).toHaveLength(5);
      expect(all.filter((status) => status === 429)).toHaveLength(AT_ONCE - 5);
      for (const instance of [first, second]) {
        expect(await tryLogin(instance, guessedAt.credentials, guessedAt.credentials.password)).toBe(429);
      }
    });

    it('compare five of a thousand codes that are guessed over both at once', guessCodes);

    it('accept no revoked token', async () => {
      for (const instance of [first, second]) {
        expect((await at(instance, revoked).graphql('{ me { id } }')).data).toBeNull();
        expect((await at(instance, revoked).rest('GET', '/users/me')).status).toBe(401);
        await expect(RawWebSocket.open(instance.url, revoked.token)).rejects.toThrow('Closed');
      }
    });

    it('lift no login limit once it is back', async () => {
      redis.heal();
      for (const instance of [first, second]) {
        expect(await tryLogin(instance, guessedAt.credentials, guessedAt.credentials.password)).toBe(429);
      }
    });
  });
});
