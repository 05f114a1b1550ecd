import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { startTestAppWithMail, type TestAppWithMail } from '../support/app-with-mail.js';
import { eventually, unlessBusy } from '../support/eventually.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { codeIn, startMailServer, type MailServer } from '../support/mail-server.js';
import { RawWebSocket } from '../support/raw-web-socket.js';

const NEW_PASSWORD = 'a battery of horses';
const PAIRS = 500;

const REQUEST_RESET = 'mutation ($email: String!) { requestPasswordReset(email: $email) }';
const RESET = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }';
const REQUEST_VERIFICATION = 'mutation ($email: String!) { requestEmailVerification(email: $email) }';
const VERIFY = 'mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) }';

const refusal = (message: string) => ({ status: 400, body: { code: 400, message, data: null } });
const success = (detail: string) => ({ status: 200, body: { code: 200, message: 'Success', data: { detail } } });

describe.each(stores)('one-time codes on %s', (on) => {
  let started: TestAppWithMail;
  let mailServer: MailServer;
  let app: TestApp;

  beforeAll(async () => {
    started = await startTestAppWithMail(on);
    ({ app, mailServer } = started);
  });
  afterAll(() => started.close());

  const newUser = async () => {
    const user = new Actor(app.url);
    await user.createUser();
    return user;
  };
  const codeTo = async (email: string, number = 1) => codeIn((await mailServer.mailTo(email, number)).message);
  const wrong = (code: string) => (code === '111111' ? '222222' : '111111');

  it('reset a password over REST, which ends sessions, open streams and WebSockets, and logs nobody in', async () => {
    const user = await signUp(app);
    const idle = await RawWebSocket.open(app.url, user.token);
    const { email } = user.credentials;
    const conversation = await user.createConversation();
    const stream = user.webSocket(
      'subscription ($id: ID!) { conversationEvents(conversationId: $id) { __typename } }',
      {
        id: conversation,
      },
    );
    const ending = stream.next().then(
      (result) => JSON.stringify(result.value),
      (error: unknown) => JSON.stringify(error),
    );
    const client = new Actor(app.url);
    expect(await client.rest('POST', '/auth/request-reset', { email })).toMatchObject(success('reset requested'));
    const otp = await codeTo(email);
    const input = { email, otp, new_password: NEW_PASSWORD };
    expect(await client.rest('POST', '/auth/reset-password', input)).toMatchObject(success('password updated'));
    expect(await ending).toContain('Invalid token');
    expect(await idle.closed).toMatchObject({ code: 4403, reason: 'Session ended' });
    stream.close();
    expect((await user.rest('GET', '/users/me')).status).toBe(401);
    expect(await client.rest('POST', '/auth/reset-password', input)).toMatchObject(refusal('Invalid OTP'));
    const again = new Actor(app.url, { email, password: NEW_PASSWORD });
    await again.login();
    await expect(new Actor(app.url, user.credentials).login()).rejects.toThrow('Invalid credentials');
  });

  it('reset a password over GraphQL', async () => {
    const user = await newUser();
    const { email } = user.credentials;
    expect(await user.ask(REQUEST_RESET, { email })).toEqual({ requestPasswordReset: true });
    const otp = await codeTo(email);
    const bad = await user.graphql(RESET, { input: { email, otp: wrong(otp), newPassword: NEW_PASSWORD } });
    expect(bad.errors).toMatchObject([{ message: 'Invalid OTP', extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(await user.ask(RESET, { input: { email, otp, newPassword: NEW_PASSWORD } })).toEqual({
      resetPassword: true,
    });
    await new Actor(app.url, { email, password: NEW_PASSWORD }).login();
  });

  it('verify an address over REST', async () => {
    const user = await signUp(app);
    const { email } = user.credentials;
    expect(await user.rest('POST', '/auth/request-verify', { email })).toMatchObject(success('verification requested'));
    const otp = await codeTo(email);
    expect(await user.rest('POST', '/auth/verify-email', { email, otp: wrong(otp) })).toMatchObject(
      refusal('Invalid OTP'),
    );
    expect(await user.rest('POST', '/auth/verify-email', { email, otp })).toMatchObject(success('email verified'));
    const { body } = await user.rest('GET', '/users/me');
    expect(body.data).toMatchObject({ is_verified: true, verified_at: expect.stringMatching(/Z$/) });
  });

  it('verify an address over GraphQL', async () => {
    const user = await signUp(app);
    const { email } = user.credentials;
    expect(await user.ask(REQUEST_VERIFICATION, { email })).toEqual({ requestEmailVerification: true });
    const otp = await codeTo(email);
    expect(await user.ask(VERIFY, { input: { email, otp } })).toEqual({ verifyEmail: true });
    expect(await user.ask('{ me { isVerified } }')).toEqual({ me: { isVerified: true } });
  });

  it.each([
    ['/auth/request-reset', {}, 'Email required'],
    ['/auth/request-reset', { email: '' }, 'Email required'],
    ['/auth/request-reset', { email: null }, 'Email required'],
    ['/auth/request-verify', {}, 'Email required'],
    ['/auth/reset-password', {}, 'Invalid request'],
    ['/auth/reset-password', { email: 'a@example.com', otp: '123456' }, 'Invalid request'],
    ['/auth/reset-password', { email: 'a@example.com', new_password: NEW_PASSWORD }, 'Invalid request'],
    ['/auth/reset-password', { otp: '123456', new_password: NEW_PASSWORD }, 'Invalid request'],
    ['/auth/reset-password', { email: 'a@example.com', otp: '123456', new_password: NEW_PASSWORD }, 'Invalid OTP'],
    ['/auth/reset-password', { email: 'a@example.com', otp: 'none', new_password: NEW_PASSWORD }, 'Invalid OTP'],
    ['/auth/verify-email', { otp: '123456' }, 'Invalid request'],
    ['/auth/verify-email', { email: 'a@example.com' }, 'Invalid request'],
    ['/auth/verify-email', { email: 'a@example.com', otp: '123456' }, 'Invalid OTP'],
  ])('answer POST %s %j with 400 %s', async (path, body, message) => {
    expect(await new Actor(app.url).rest('POST', path, body)).toMatchObject(refusal(message));
  });

  it('answer 400 to no body at all, and 422 to input of the wrong kind', async () => {
    const client = new Actor(app.url);
    expect(await client.rest('POST', '/auth/request-reset')).toMatchObject(refusal('Email required'));
    const faulty: [string, object, string][] = [
      ['/auth/request-reset', { email: 'nobody' }, 'email'],
      ['/auth/request-reset', { email: 5 }, 'email'],
      ['/auth/reset-password', { email: 'a@example.com', otp: '123456', new_password: 'short' }, 'new_password'],
    ];
    for (const [path, body, field] of faulty) {
      expect(await client.rest('POST', path, body)).toMatchObject({
        status: 422,
        body: { message: 'Validation error', data: { errors: [{ field }] } },
      });
    }
  });

  it('come as text and HTML, to the stored address, without the code in the subject', async () => {
    const user = await newUser();
    const { email } = user.credentials;
    await user.ask(REQUEST_RESET, { email: email.toUpperCase() });
    const { message, recipients } = await mailServer.mailTo(email);
    const code = codeIn(message);
    expect(recipients).toEqual([email]);
    expect(message.from?.text).toBe('"Flynkle" <no-reply@example.com>');
    expect(message.to).toMatchObject({ text: email });
    expect(message.subject).toBe('Your code for a new Flynkle password');
    expect(message.html).toContain(code);
    expect(message.html).not.toMatch(/<(?:img|link|script)|https?:/);
  });

  it('are in no answer, no log and no table', async () => {
    const user = await newUser();
    const { email } = user.credentials;
    const answer = await user.rest('POST', '/auth/request-reset', { email });
    const code = await codeTo(email);
    expect(JSON.stringify(answer.body)).not.toContain(code);
    // Matched as a whole word, since times and ids contain six digits as well.
    const leak = new RegExp(`(?<![0-9a-f.])${code}(?![0-9a-f])`);
    expect(JSON.stringify(app.logged)).not.toMatch(leak);
    const { rows } = await app.database.query<{ data: unknown }>(
      `SELECT data FROM jobs.job WHERE data ->> 'email' = $1`,
      [email],
    );
    expect(rows).toEqual([{ data: { purpose: 'PASSWORD_RESET', email, origin: { requestId: expect.any(String) } } }]);
  });

  it('withstand a thousand guesses at once', async () => {
    const user = await newUser();
    const { email } = user.credentials;
    await user.ask(REQUEST_RESET, { email });
    const otp = await codeTo(email);
    const guesses = await Promise.all(
      Array.from({ length: 1000 }, (_, number) =>
        unlessBusy(() =>
          user.rest('POST', '/auth/reset-password', {
            email,
            otp: String(Number(otp) < 500_000 ? 999_999 - number : number).padStart(6, '0'),
            new_password: NEW_PASSWORD,
          }),
        ),
      ),
    );
    for (const guess of guesses) expect(guess).toMatchObject(refusal('Invalid OTP'));
    const late = await user.rest('POST', '/auth/reset-password', { email, otp, new_password: NEW_PASSWORD });
    expect(late).toMatchObject(refusal('Invalid OTP'));
    const { rows } = await app.database.query(
      'SELECT tries FROM one_time_codes c JOIN users u ON u.id = c.user_id WHERE u.email = $1',
      [email],
    );
    expect(rows).toEqual([{ tries: 5 }]);
    await user.login();
  });
});

describe.each(stores)('mail on %s', (on) => {
  it('is sent when the server comes back, with a code that works, also after a restart in between', async () => {
    const mailServer = await startMailServer();
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: mailServer.port });
    proxy.refuse();
    const settings = { SMTP_URL: `smtp://127.0.0.1:${proxy.port}` };
    let app = await startTestApp({ stores: on, settings });
    const failures = () => app.logged.filter(({ msg }) => msg === 'a job failed, and will be tried again');
    const user = new Actor(app.url);
    await user.createUser();
    const { email } = user.credentials;
    await user.ask(REQUEST_RESET, { email });
    await eventually(
      () => Promise.resolve(failures()),
      (found) => found.length >= 2,
    );
    expect(JSON.stringify(app.logged)).not.toContain(email);
    app = await app.restart();
    await eventually(
      () => Promise.resolve(failures()),
      (found) => found.length >= 1,
    );
    proxy.heal();
    const otp = codeIn((await mailServer.mailTo(email)).message);
    const input = { email, otp, newPassword: NEW_PASSWORD };
    expect(await new Actor(app.url).ask(RESET, { input })).toEqual({ resetPassword: true });
    expect(mailServer.received).toHaveLength(1);
    await app.close();
    await proxy.close();
    await mailServer.close();
  });

  it('that the server refuses is not tried again', async () => {
    const mailServer = await startMailServer();
    const app = await startTestApp({ stores: on, settings: { SMTP_URL: mailServer.url } });
    const user = new Actor(app.url, { email: 'nobody@example.com', password: NEW_PASSWORD });
    await user.createUser();
    await user.ask(REQUEST_RESET, { email: 'nobody@example.com' });
    const isDone = (lines: TestApp['logged']) => lines.some(({ msg }) => String(msg).startsWith('a mail was refused'));
    await eventually(() => Promise.resolve(app.logged), isDone);
    const states = () =>
      app.database.query<{ state: string }>(`SELECT state::text FROM jobs.job WHERE name = 'one-time-code-mails'`);
    await eventually(states, ({ rows }) => rows.every(({ state }) => state === 'completed'));
    await app.close();
    await mailServer.close();
  });

  it('is limited for each address, known or not, whatever becomes of Redis', async () => {
    const mailServer = await startMailServer();
    const app = await startTestApp({
      stores: on,
      settings: { SMTP_URL: mailServer.url, RATE_LIMIT_CODE_ADDRESS: '3/60' },
    });
    const user = new Actor(app.url);
    await user.createUser();
    for (const email of [user.credentials.email, 'stranger@example.com']) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => user.rest('POST', '/auth/request-verify', { email })),
      );
      const refused = answers.filter(({ status }) => status !== 200);
      expect(refused).toHaveLength(7);
      for (const { status, headers, body } of refused) {
        expect({ status, message: body.message }).toEqual({ status: 429, message: 'Too many requests' });
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      }
    }
    await app.close();
    await mailServer.close();
  });

  it('is limited for each client, whose tries are not counted: each code limits its own', async () => {
    const app = await startTestApp({ stores: on, settings: { RATE_LIMIT_CODE_CLIENT: '2/3600' } });
    const user = new Actor(app.url);
    await user.createUser();
    const { email } = user.credentials;
    const ask = (path: string, body: object) => user.rest('POST', `/auth/${path}`, body);
    for (const path of ['request-reset', 'request-verify']) expect((await ask(path, { email })).status).toBe(200);
    for (const _ of Array.from({ length: 7 })) {
      const tried = { email, otp: '000000' };
      expect(await ask('reset-password', { ...tried, new_password: NEW_PASSWORD })).toMatchObject(
        refusal('Invalid OTP'),
      );
      expect(await ask('verify-email', tried)).toMatchObject(refusal('Invalid OTP'));
    }
    expect((await ask('request-reset', { email: 'stranger@example.com' })).status).toBe(429);
    await app.close();
  });
});

describe.each(stores)('the timing of one-time codes on %s', (on) => {
  it('is the same for a known address as for an unknown one, asking and guessing', async () => {
    const app = await startTestApp({ stores: on });
    const client = new Actor(app.url);
    await addUsers(app, PAIRS);
    const time = async (path: string, body: object) => {
      const start = performance.now();
      await client.rest('POST', path, body);
      return performance.now() - start;
    };
    const compare = async (path: string, fields: object) => {
      const pairs: Pair[] = [];
      for (let number = 0; number < PAIRS; number++) {
        const pair = { known: 0, unknown: 0 };
        const order = Math.random() < 0.5 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const);
        for (const which of order)
          pair[which] = await time(path, { email: `${which}-${number}@example.com`, ...fields });
        pairs.push(pair);
      }
      expectNoDifference(pairs);
    };
    await compare('/auth/request-reset', {});
    const waiting = () => app.database.query(`SELECT FROM jobs.job WHERE state IN ('created', 'retry', 'active')`);
    await eventually(waiting, ({ rowCount }) => rowCount === 0);
    const mails = app.logged.filter(({ msg }) => String(msg).startsWith('wrote a mail'));
    expect(mails).toHaveLength(PAIRS);
    await compare('/auth/reset-password', { otp: '000000', new_password: NEW_PASSWORD });
    await app.close();
  });
});

interface Pair {
  readonly known: number;
  readonly unknown: number;
}

/** Compares within pairs, so that load that varies during the test affects both sides. */
function expectNoDifference(pairs: readonly Pair[]): void {
  const slower = pairs.filter(({ known, unknown }) => known > unknown).length / pairs.length;
  const [ofKnown, ofUnknown] = [median(pairs.map(({ known }) => known)), median(pairs.map(({ unknown }) => unknown))];
  // The standard error of the share of 500 pairs is 0.022, so 0.4 and 0.6 are more than four of them away from a half.
  const isAlike = slower > 0.4 && slower < 0.6 && Math.abs(ofKnown - ofUnknown) < Math.max(1, 0.25 * ofUnknown);
  expect({ slower, ofKnown, ofUnknown, isAlike }).toMatchObject({ isAlike: true });
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

/** Inserts `known-0@example.com` and so on, without passwords: hashing one for each would take half a minute. */
async function addUsers({ database }: TestApp, count: number): Promise<void> {
  await database.query(
    `INSERT INTO users (id, email, provider, password_hash, plan)
     SELECT gen_random_uuid(), 'known-' || number || '@example.com', 'local', '', 'free'
     FROM generate_series(0, $1 - 1) AS number`,
    [count],
  );
}
