import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { withOtherSession } from '../support/other-session.js';
import { stores } from '../support/servers.js';
import { startTestAppWithMail, type TestAppWithMail } from '../support/app-with-mail.js';
import {
  Authenticator,
  challengeOf,
  complete,
  completeOverRest,
  confirm,
  enrol,
  forgetUsedStep,
  protect,
} from '../support/authenticator.js';
import { unlessBusy } from '../support/eventually.js';
import { type MailServer } from '../support/mail-server.js';

const NEW_PASSWORD = 'a battery of horses';
const CHALLENGE = expect.stringMatching(/^[A-Za-z0-9_-]{43}$/);
const RECOVERY_CODE = expect.stringMatching(/^[0-9a-z]{4}(-[0-9a-z]{4}){3}$/);

const refusal = (status: number, message: string, data: unknown = null) => ({
  status,
  body: { code: status, message, data },
});
const error = (code: string, message: string) => [{ message, extensions: { code } }];

describe.each(stores)('the second factor on %s', (on) => {
  let started: TestAppWithMail;
  let mailServer: MailServer;
  let app: TestApp;

  beforeAll(async () => {
    started = await startTestAppWithMail(on);
    ({ app, mailServer } = started);
  });
  afterAll(() => started.close());

  const protectedUser = async () => {
    const user = await signUp(app);
    return { user, ...(await protect(user)) };
  };
  const newAdmin = async () => {
    const admin = await signUp(app);
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
    return admin;
  };
  const eventsOf = async (userId: string) => {
    const { rows } = await app.database.query<{ action: string; actorId: string | null }>(
      `SELECT action, actor_id AS "actorId" FROM audit_events WHERE subject_id = $1 ORDER BY id`,
      [userId],
    );
    return rows.filter(({ action }) => /FACTOR|RECOVERY/.test(action));
  };
  const status = async (user: Actor) => {
    const { secondFactor } = await user.ask<{ secondFactor: object }>(
      '{ secondFactor { isEnabled enabledAt recoveryCodesLeft } }',
    );
    return secondFactor;
  };

  describe('being set up', () => {
    it('is asked for at the next login over GraphQL, which a code ends', async () => {
      const user = await signUp(app);
      expect(await status(user)).toEqual({ isEnabled: false, enabledAt: null, recoveryCodesLeft: 0 });
      const { secret, uri, qrCode, expiresAt } = await enrol(user);
      expect(secret).toMatch(/^[A-Z2-7]{32}$/);
      expect(uri).toContain(`otpauth://totp/Flynkle:${encodeURIComponent(user.credentials.email)}?`);
      expect(uri).toContain(`secret=${secret}`);
      expect(qrCode).toMatch(/^data:image\/png;base64,/);
      expect(new Date(expiresAt).getTime() - Date.now()).toBeGreaterThan(14 * 60_000);
      await new Actor(app.url, user.credentials).login();
      const authenticator = new Authenticator(uri);
      const recoveryCodes = await confirm(user, authenticator.code());
      expect(recoveryCodes).toEqual(Array.from({ length: 10 }, () => RECOVERY_CODE));
      expect(await status(user)).toMatchObject({ isEnabled: true, recoveryCodesLeft: 10 });

      const client = new Actor(app.url, user.credentials);
      const refused = await client.graphql('mutation ($input: LoginInput!) { login(input: $input) { accessToken } }', {
        input: user.credentials,
      });
      expect(refused.errors).toMatchObject([
        {
          message: 'Second factor required',
          extensions: {
            code: 'UNAUTHENTICATED',
            secondFactor: { challenge: CHALLENGE, expiresIn: 300, methods: ['TOTP', 'RECOVERY_CODE'] },
          },
        },
      ]);
      const answer = await complete(client, await challengeOf(client), authenticator.code(1));
      expect(answer.data?.completeLogin).toMatchObject({ expiresIn: 3600 });
      client.token = answer.data?.completeLogin.accessToken;
      expect(await client.ask('{ me { id } }')).toEqual({ me: { id: user.userId } });
      expect(await eventsOf(user.userId)).toEqual([{ action: 'SECOND_FACTOR_ENABLED', actorId: user.userId }]);
    });

    it('is asked for at the next login over REST, which a code ends', async () => {
      const user = await signUp(app);
      const { password } = user.credentials;
      const enrolled = await user.rest('POST', '/auth/second-factor/enrol', { password });
      const { uri } = enrolled.body.data as { uri: string };
      const authenticator = new Authenticator(uri);
      const confirmed = await user.rest('POST', '/auth/second-factor/confirm', { code: authenticator.code() });
      expect(confirmed).toMatchObject({ status: 200, body: { data: { recovery_codes: { length: 10 } } } });
      expect(await user.rest('GET', '/auth/second-factor')).toMatchObject({
        status: 200,
        body: { data: { is_enabled: true, enabled_at: expect.stringMatching(/Z$/), recovery_codes_left: 10 } },
      });

      const client = new Actor(app.url);
      const refused = await client.rest('POST', '/auth/login', user.credentials);
      expect(refused).toMatchObject(
        refusal(401, 'Second factor required', {
          second_factor: { challenge: CHALLENGE, expires_in: 300, methods: ['TOTP', 'RECOVERY_CODE'] },
        }),
      );
      const { challenge } = (refused.body.data as { second_factor: { challenge: string } }).second_factor;
      const done = await completeOverRest(client, challenge, authenticator.code(1));
      expect(done.status).toBe(200);
      expect(Object.keys(done.body.data as object)).toEqual(['access_token', 'refresh_token', 'expires_in']);
      client.token = (done.body.data as { access_token: string }).access_token;
      expect((await client.rest('GET', '/users/me')).body.data).toMatchObject({ user_id: user.userId });
    });

    it('asks for the password, within the limits of a login', async () => {
      const user = await signUp(app);
      const enrolWith = (body: object) => user.rest('POST', '/auth/second-factor/enrol', body);
      for (const [body, message] of [
        [{}, 'is required'],
        [{ password: null }, 'is required'],
        [{ password: 'wrong password' }, 'is not your password'],
      ] as const) {
        expect(await enrolWith(body)).toMatchObject(
          refusal(422, 'Validation error', { errors: [{ field: 'password', message }] }),
        );
      }
      const limited = await startTestApp({ stores: on, settings: { RATE_LIMIT_LOGIN: '3/60' } });
      const guessed = await signUp(limited);
      const guesses = await Promise.all(
        Array.from({ length: 20 }, () => guessed.rest('POST', '/auth/second-factor/enrol', { password: 'wrong' })),
      );
      expect(guesses.filter(({ status: code }) => code === 422)).toHaveLength(3);
      expect(guesses.filter(({ status: code }) => code === 429)).toHaveLength(17);
      const { credentials } = guessed;
      expect(await guessed.rest('POST', '/auth/second-factor/enrol', { password: credentials.password })).toMatchObject(
        refusal(429, 'Too many login attempts'),
      );
      await limited.close();
    });

    it('lets a session try recovery codes within the limits of a login, too', async () => {
      const limited = await startTestApp({ stores: on, settings: { RATE_LIMIT_LOGIN: '5/60' } });
      const user = await signUp(limited);
      await protect(user);
      const guesses = await Promise.all(
        Array.from({ length: 20 }, () =>
          user.rest('POST', '/auth/second-factor/disable', { code: 'aaaa-aaaa-aaaa-aaaa' }),
        ),
      );
      // The set-up counted as one of the five attempts.
      expect(guesses.filter(({ status: code }) => code === 400)).toHaveLength(4);
      expect(guesses.find(({ status: code }) => code !== 400)).toMatchObject(refusal(429, 'Too many login attempts'));
      await limited.close();
    });

    it('asks a user without a password for a login of the last ten minutes', async () => {
      const user = await signUp(app);
      await app.database.query('UPDATE users SET password_hash = NULL WHERE id = $1', [user.userId]);
      expect((await user.rest('POST', '/auth/second-factor/enrol', {})).status).toBe(200);
      await app.database.query(
        `UPDATE sessions SET created_at = created_at - interval '11 minutes' WHERE user_id = $1`,
        [user.userId],
      );
      expect(await user.rest('POST', '/auth/second-factor/enrol', {})).toMatchObject(
        refusal(403, 'Recent login required'),
      );
    });

    it('takes five codes at most, and gives no other enrolment the tries of the last', async () => {
      const user = await signUp(app);
      const authenticator = new Authenticator((await enrol(user)).uri);
      const wrong = authenticator.wrongCode();
      const tries = await Promise.all(
        Array.from({ length: 50 }, () => user.rest('POST', '/auth/second-factor/confirm', { code: wrong })),
      );
      for (const one of tries) expect(one).toMatchObject(refusal(400, 'Invalid code'));
      const late = await user.rest('POST', '/auth/second-factor/confirm', { code: authenticator.code() });
      expect(late).toMatchObject(refusal(400, 'Invalid code'));
      expect(await status(user)).toMatchObject({ isEnabled: false });
      const again = new Authenticator((await enrol(user)).uri);
      expect((await user.rest('POST', '/auth/second-factor/confirm', { code: authenticator.code() })).status).toBe(400);
      await confirm(user, again.code());
    });

    it('anew needs a code of the one that is on, which stays until the new one is confirmed', async () => {
      const { user, app: old, recoveryCodes } = await protectedUser();
      const { password } = user.credentials;
      expect(await user.rest('POST', '/auth/second-factor/enrol', { password })).toMatchObject(
        refusal(422, 'Validation error', {
          errors: [{ field: 'code', message: 'is required while the second factor is on' }],
        }),
      );
      expect(await user.rest('POST', '/auth/second-factor/enrol', { password, code: old.wrongCode() })).toMatchObject(
        refusal(400, 'Invalid code'),
      );
      const next = new Authenticator((await enrol(user, old.code(1))).uri);
      await forgetUsedStep(app, user.userId);
      const client = new Actor(app.url, user.credentials);
      expect((await complete(client, await challengeOf(client), old.code())).errors).toBeUndefined();
      const renewed = await confirm(user, next.code());
      expect((await complete(client, await challengeOf(client), old.code(1))).errors).toMatchObject(
        error('UNAUTHENTICATED', 'Invalid code'),
      );
      const [dead = '', [good = '']] = [recoveryCodes[0], renewed];
      expect((await complete(client, await challengeOf(client), dead)).errors).toMatchObject(
        error('UNAUTHENTICATED', 'Invalid code'),
      );
      expect((await complete(client, await challengeOf(client), next.code(1))).errors).toBeUndefined();
      expect((await complete(client, await challengeOf(client), good)).errors).toBeUndefined();
    });

    it('leaves nothing of the secret or of recovery codes in any table or log', async () => {
      const user = await signUp(app);
      const { secret, uri } = await enrol(user);
      const recoveryCodes = await confirm(user, new Authenticator(uri).code());
      const challenge = await challengeOf(user);
      const { rows } = await app.database.query(
        `SELECT f::text AS row FROM second_factors f UNION ALL SELECT r::text FROM recovery_codes r
         UNION ALL SELECT c::text FROM login_challenges c UNION ALL SELECT a::text FROM audit_events a`,
      );
      expect(rows.length).toBeGreaterThan(12);
      const stored = JSON.stringify([rows, app.logged]);
      const bytes = Buffer.from(new Authenticator(uri).secretHex, 'hex');
      for (const known of [secret, bytes.toString('hex'), challenge, ...recoveryCodes]) {
        expect(stored).not.toContain(known);
        expect(stored).not.toContain(Buffer.from(known).toString('hex'));
      }
    });
  });

  describe('asked for', () => {
    it('takes another try after a wrong code, and is over after the right one', async () => {
      const { user, app: authenticator } = await protectedUser();
      const client = new Actor(app.url, user.credentials);
      const challenge = await challengeOf(client);
      expect(await completeOverRest(client, challenge, authenticator.wrongCode())).toMatchObject(
        refusal(401, 'Invalid code'),
      );
      const done = await complete(client, challenge, authenticator.code(1));
      const tokens = done.data?.completeLogin;
      expect(tokens).toBeDefined();
      await forgetUsedStep(app, user.userId);
      expect(await completeOverRest(client, challenge, authenticator.code())).toMatchObject(
        refusal(401, 'Invalid challenge'),
      );
      // A refresh is not a login, so it needs no second factor.
      const refreshed = await client.rest('POST', '/auth/refresh', undefined, {
        'X-Refresh-Token': tokens?.refreshToken ?? '',
      });
      expect(refreshed.status).toBe(200);
      expect(await eventsOf(user.userId)).toMatchObject([
        { action: 'SECOND_FACTOR_ENABLED' },
        { action: 'SECOND_FACTOR_FAILED', actorId: null },
      ]);
    });

    it.each(['', 'x', 'A'.repeat(43)])('takes no challenge that it did not give: "%s"', async (challenge) => {
      const client = new Actor(app.url);
      expect(await completeOverRest(client, challenge, '123456')).toMatchObject(refusal(401, 'Invalid challenge'));
    });

    it('takes no challenge of more than five minutes ago', async () => {
      const { user, app: authenticator } = await protectedUser();
      const challenge = await challengeOf(user);
      await app.database.query(
        `UPDATE login_challenges SET expires_at = expires_at - interval '300 seconds' WHERE user_id = $1`,
        [user.userId],
      );
      expect(await completeOverRest(user, challenge, authenticator.code(1))).toMatchObject(
        refusal(401, 'Invalid challenge'),
      );
    });

    it("takes no code of another user's, nor an old one, nor the one of its own confirmation", async () => {
      const [ada, eve] = [await protectedUser(), await protectedUser()];
      const challenge = await challengeOf(ada.user);
      expect(await completeOverRest(ada.user, challenge, eve.app.code(1))).toMatchObject(refusal(401, 'Invalid code'));
      expect(await completeOverRest(ada.user, challenge, eve.recoveryCodes[0] ?? '')).toMatchObject(
        refusal(401, 'Invalid code'),
      );
      expect(await completeOverRest(ada.user, challenge, ada.confirmation)).toMatchObject(refusal(401, 'Invalid code'));
      expect(await completeOverRest(ada.user, challenge, ada.app.code(-3))).toMatchObject(refusal(401, 'Invalid code'));
    });

    it.each<['code of the app' | 'recovery code']>([['code of the app'], ['recovery code']])(
      'takes a %s once, of any number at once',
      async (kind) => {
        const { user, app: authenticator, recoveryCodes } = await protectedUser();
        // Five in a row, since more wrong codes would block the app's codes.
        const challenges = await Promise.all(Array.from({ length: 5 }, () => challengeOf(user)));
        const code = kind === 'recovery code' ? (recoveryCodes[0] ?? '') : authenticator.code(1);
        const answers = await Promise.all(challenges.map((challenge) => completeOverRest(user, challenge, code)));
        expect(answers.filter(({ status: code_ }) => code_ === 200)).toHaveLength(1);
        const actions = (await eventsOf(user.userId)).map(({ action }) => action);
        expect(actions.filter((action) => action === 'RECOVERY_CODE_USED')).toHaveLength(
          kind === 'recovery code' ? 1 : 0,
        );
        expect(await status(user)).toMatchObject({ recoveryCodesLeft: kind === 'recovery code' ? 9 : 10 });
      },
    );

    it('takes one challenge once, by whatever codes at once', async () => {
      const { user, recoveryCodes } = await protectedUser();
      const challenge = await challengeOf(user);
      const answers = await Promise.all(
        recoveryCodes.slice(0, 5).map((code) => completeOverRest(user, challenge, code)),
      );
      expect(answers.filter(({ status: code }) => code === 200)).toHaveLength(1);
      // Codes whose login did not open a session are not used up.
      expect(await status(user)).toMatchObject({ recoveryCodesLeft: 9 });
    });

    it('withstands a thousand guesses at once', async () => {
      const { user, app: authenticator, recoveryCodes } = await protectedUser();
      const challenge = await challengeOf(user);
      const right = new Set([-2, -1, 0, 1, 2, 3].map((steps) => authenticator.code(steps)));
      const guesses = Array.from({ length: 1010 }, (_, number) => String(number * 7).padStart(6, '0'))
        .filter((guess) => !right.has(guess))
        .slice(0, 1000);
      const answers = await Promise.all(
        guesses.map((guess) => unlessBusy(() => completeOverRest(user, challenge, guess))),
      );
      const messages = answers.map(({ status: code, body }) => `${code} ${body.message}`);
      expect(messages.filter((message) => message === '401 Invalid code')).toHaveLength(5);
      expect(messages.filter((message) => message === '401 Invalid challenge')).toHaveLength(995);
      const { rows } = await app.database.query('SELECT failures FROM second_factors WHERE user_id = $1', [
        user.userId,
      ]);
      expect(rows).toEqual([{ failures: 5 }]);
      expect(await completeOverRest(user, challenge, authenticator.code(1))).toMatchObject(
        refusal(401, 'Invalid challenge'),
      );

      // A new login does not allow new attempts,
      const next = await challengeOf(user);
      const blocked = await completeOverRest(user, next, authenticator.code(1));
      expect(blocked).toMatchObject(refusal(429, 'Too many wrong codes'));
      expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(600);
      expect(Number(blocked.headers.get('retry-after'))).toBeLessThanOrEqual(900);
      // but a recovery code logs its owner in, and unblocks the app's codes.
      expect((await completeOverRest(user, next, recoveryCodes[0] ?? '')).status).toBe(200);
      expect((await completeOverRest(user, await challengeOf(user), authenticator.code(1))).status).toBe(200);
    });

    it('lets guesses over many logins at once see five codes in all, and then blocks for longer each time', async () => {
      const { user, app: authenticator } = await protectedUser();
      const guess = async (logins: number) => {
        const challenges = await Promise.all(Array.from({ length: logins }, () => challengeOf(user)));
        const answers = await Promise.all(
          challenges.flatMap((challenge) =>
            Array.from({ length: 5 }, () => completeOverRest(user, challenge, authenticator.wrongCode())),
          ),
        );
        return answers.map(({ status: code }) => code);
      };
      const first = await guess(20);
      expect(first.filter((code) => code === 401)).toHaveLength(5);
      expect(first.filter((code) => code === 429)).toHaveLength(95);
      await app.database.query('UPDATE second_factors SET blocked_until = now() WHERE user_id = $1', [user.userId]);
      expect((await guess(2)).filter((code) => code === 401)).toHaveLength(5);
      const late = await completeOverRest(user, await challengeOf(user), authenticator.code(1));
      expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(1200);
    });

    it('is not gone round by a new password, nor by a login that waited meanwhile', async () => {
      const { user, app: authenticator } = await protectedUser();
      const { email } = user.credentials;
      // Otherwise, the app may be that of a stranger who made the account: see test/api/mailbox-ownership.test.ts.
      await app.database.query('UPDATE users SET mailbox_proven_at = now() WHERE id = $1', [user.userId]);
      const waiting = await challengeOf(user);
      await user.rest('POST', '/auth/request-reset', { email });
      const otp = await mailServer.codeTo(email);
      const input = { email, otp, new_password: NEW_PASSWORD };
      expect((await user.rest('POST', '/auth/reset-password', input)).status).toBe(200);
      expect(await completeOverRest(user, waiting, authenticator.code(1))).toMatchObject(
        refusal(401, 'Invalid challenge'),
      );
      const client = new Actor(app.url, { email, password: NEW_PASSWORD });
      const challenge = await challengeOf(client);
      const done = await complete(client, challenge, authenticator.code(1));
      client.token = done.data?.completeLogin.accessToken;
      expect(await status(client)).toMatchObject({ isEnabled: true, recoveryCodesLeft: 10 });
      await forgetUsedStep(app, user.userId);
      const changes = { password: 'yet another password', code: authenticator.code() };
      const changed = await client.rest('PATCH', '/users/me', changes);
      expect(changed.status).toBe(200);
      expect(await status(client)).toMatchObject({ isEnabled: true });
    });

    it('opens nothing for a user who is suspended or deleted meanwhile', async () => {
      const admin = await newAdmin();
      const suspended = await protectedUser();
      const waiting = await challengeOf(suspended.user);
      await admin.rest('POST', `/admin/users/${suspended.user.userId}/suspend`);
      expect(await completeOverRest(new Actor(app.url), waiting, suspended.app.code(1))).toMatchObject(
        refusal(403, 'Account disabled'),
      );
      const login = await new Actor(app.url).rest('POST', '/auth/login', suspended.user.credentials);
      expect(login).toMatchObject(refusal(403, 'Account disabled'));
      const deleted = await protectedUser();
      const lost = await challengeOf(deleted.user);
      await admin.rest('DELETE', `/admin/users/${deleted.user.userId}`);
      expect(await completeOverRest(new Actor(app.url), lost, deleted.app.code(1))).toMatchObject(
        refusal(401, 'Invalid challenge'),
      );
    });

    it('shows to the right password alone that there is one', async () => {
      const { user } = await protectedUser();
      const wrong = await new Actor(app.url).rest('POST', '/auth/login', { ...user.credentials, password: 'wrong' });
      expect(wrong).toMatchObject(refusal(401, 'Invalid credentials'));
    });
  });

  describe('switched off', () => {
    it('needs a code, and then logins ask for none', async () => {
      const { user, app: authenticator } = await protectedUser();
      const disable = (code: string) => user.rest('POST', '/auth/second-factor/disable', { code });
      expect(await disable(authenticator.wrongCode())).toMatchObject(refusal(400, 'Invalid code'));
      expect(await disable('')).toMatchObject(refusal(400, 'Invalid code'));
      expect(await disable(authenticator.code(1))).toMatchObject({
        status: 200,
        body: { data: { detail: 'second factor disabled' } },
      });
      expect(await status(user)).toEqual({ isEnabled: false, enabledAt: null, recoveryCodesLeft: 0 });
      await new Actor(app.url, user.credentials).login();
      expect(await disable(authenticator.code(1))).toMatchObject(refusal(400, 'Invalid code'));
      expect((await eventsOf(user.userId)).map(({ action }) => action)).toContain('SECOND_FACTOR_DISABLED');
    });

    it('by a recovery code, over GraphQL', async () => {
      const { user, recoveryCodes } = await protectedUser();
      const disable = 'mutation ($code: String!) { disableSecondFactor(code: $code) }';
      expect(await user.ask(disable, { code: recoveryCodes[3]?.toUpperCase() })).toEqual({ disableSecondFactor: true });
      await new Actor(app.url, user.credentials).login();
    });

    it('by guesses is blocked as a login is', async () => {
      const { user, app: authenticator } = await protectedUser();
      const guesses = await Promise.all(
        Array.from({ length: 50 }, () =>
          user.rest('POST', '/auth/second-factor/disable', { code: authenticator.wrongCode() }),
        ),
      );
      expect(guesses.filter(({ status: code }) => code === 400)).toHaveLength(5);
      expect(guesses.filter(({ status: code }) => code === 429)).toHaveLength(45);
      expect(await status(user)).toMatchObject({ isEnabled: true });
    });

    it('by an admin lets a user in who lost the app, over both doors', async () => {
      const admin = await newAdmin();
      const { user } = await protectedUser();
      const waiting = await challengeOf(user);
      const path = `/admin/users/${user.userId}/second-factor`;
      expect(await user.rest('DELETE', path)).toMatchObject(refusal(403, 'Admin privileges required'));
      expect((await admin.rest('DELETE', path)).status).toBe(200);
      expect(await completeOverRest(user, waiting, '123456')).toMatchObject(refusal(401, 'Invalid code'));
      await new Actor(app.url, user.credentials).login();
      expect(await eventsOf(user.userId)).toContainEqual({
        action: 'SECOND_FACTOR_DISABLED',
        actorId: admin.userId,
      });
      const disable = 'mutation ($id: ID!) { adminDisableSecondFactor(userId: $id) }';
      expect(await admin.ask(disable, { id: user.userId })).toEqual({ adminDisableSecondFactor: true });
      expect((await eventsOf(user.userId)).filter(({ action }) => action === 'SECOND_FACTOR_DISABLED')).toHaveLength(1);
    });

    it('by an admin for themselves is refused', async () => {
      const admin = await newAdmin();
      await protect(admin);
      expect(await admin.rest('DELETE', `/admin/users/${admin.userId}/second-factor`)).toMatchObject(
        refusal(403, 'Another admin has to do this'),
      );
      expect(await status(admin)).toMatchObject({ isEnabled: true });
    });
  });

  it('gives new recovery codes for a code, and the old ones are dead', async () => {
    const { user, app: authenticator, recoveryCodes } = await protectedUser();
    const regenerate = (code: string) => user.rest('POST', '/auth/second-factor/recovery-codes', { code });
    expect(await regenerate(authenticator.wrongCode())).toMatchObject(refusal(400, 'Invalid code'));
    const answer = await regenerate(authenticator.code(1));
    const renewed = (answer.body.data as { recovery_codes: string[] }).recovery_codes;
    expect(renewed).toHaveLength(10);
    const challenge = await challengeOf(user);
    expect(await completeOverRest(user, challenge, recoveryCodes[0] ?? '')).toMatchObject(refusal(401, 'Invalid code'));
    expect((await completeOverRest(user, challenge, renewed[9] ?? '')).status).toBe(200);
    expect(await status(user)).toMatchObject({ recoveryCodesLeft: 9 });
  });

  // It holds a lock by a connection of its own, which the embedded database has none of.
  const onServers = on === 'servers' ? it : it.skip;
  onServers('takes recovery codes at once in turn: none holds its own while it waits for another one', async () => {
    const { user, recoveryCodes } = await protectedUser();
    await withOtherSession(app, async (other) => {
      // As the one does that came first, before it replaces the codes.
      await other.query('BEGIN');
      await other.query('SELECT FROM second_factors WHERE user_id = $1 FOR UPDATE', [user.userId]);
      const answer = user.rest('POST', '/auth/second-factor/recovery-codes', { code: recoveryCodes[0] });
      await other.isWaitedFor();
      await other.query('SELECT FROM recovery_codes WHERE user_id = $1 FOR UPDATE NOWAIT', [user.userId]);
      await other.query('ROLLBACK');
      expect((await answer).status).toBe(200);
    });
  });
});
