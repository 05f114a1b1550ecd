import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { startTestAppWithMail, type TestAppWithMail } from '../support/app-with-mail.js';
import { attestationCertificate } from '../support/attestation-certificate.js';
import { protect } from '../support/authenticator.js';
import { type MailServer } from '../support/mail-server.js';
import { answerLogin, creationOptions, loginByPasskey, registerPasskey, requestOptions } from '../support/passkeys.js';
import { SoftwareAuthenticator, type Oddities } from '../support/software-authenticator.js';

const CHALLENGE = expect.stringMatching(/^[A-Za-z0-9_-]{43}$/);

const refusal = (status: number, message: string, data: unknown = null) => ({
  status,
  body: { code: status, message, data },
});
const INVALID = refusal(401, 'Invalid passkey');
const NOT_GOOD = refusal(400, 'Invalid passkey');

/** Answers with one fault each. */
const ODDITIES: readonly (readonly [string, Oddities])[] = [
  ['of another origin', { origin: 'https://evil.example.com' }],
  ['of another port', { origin: 'http://127.0.0.1:1' }],
  ['for another service', { rpId: 'evil.example.com' }],
  ['of another kind', { type: 'payment.get' }],
  ['to another challenge', { challenge: 'A'.repeat(43) }],
  ['without the user', { isUserPresent: false }],
  ['of a user who was not verified', { isUserVerified: false }],
];

describe.each(stores)('passkeys on %s', (on) => {
  let started: TestAppWithMail;
  let mailServer: MailServer;
  let app: TestApp;
  beforeAll(async () => {
    started = await startTestAppWithMail(on);
    ({ app, mailServer } = started);
  });
  afterAll(() => started.close());

  const holder = async () => {
    const user = await signUp(app);
    const authenticator = new SoftwareAuthenticator();
    const passkeyId = await registerPasskey(user, authenticator);
    return { user, authenticator, passkeyId };
  };
  const newAdmin = async () => {
    const admin = await signUp(app);
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
    return admin;
  };
  const eventsOf = async (userId: string) => {
    const { rows } = await app.database.query<{ action: string; details: object }>(
      'SELECT action, details FROM audit_events WHERE subject_id = $1 ORDER BY id',
      [userId],
    );
    return rows;
  };

  it('are added and log in over REST, without a password', async () => {
    const user = await signUp(app);
    const authenticator = new SoftwareAuthenticator();
    const options = await creationOptions(user);
    expect(options).toMatchObject({
      challenge: CHALLENGE,
      rp: { id: 'localhost', name: 'Flynkle' },
      user: {
        name: user.credentials.email,
        id: Buffer.from(user.userId.replaceAll('-', ''), 'hex').toString('base64url'),
      },
      attestation: 'none',
      timeout: 300_000,
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
    const credential = authenticator.create(options, app.url);
    const added = await user.rest('POST', '/auth/passkeys', { name: 'My phone', credential });
    const passkey = {
      passkey_id: expect.any(String),
      name: 'My phone',
      is_backed_up: false,
      created_at: expect.stringMatching(/Z$/),
      last_used_at: null,
    };
    expect(added).toMatchObject({ status: 200, body: { data: passkey } });
    expect((await creationOptions(user)).excludeCredentials).toMatchObject([{ id: authenticator.credentialId }]);

    const client = new Actor(app.url);
    expect(await requestOptions(client)).toMatchObject({
      challenge: CHALLENGE,
      rpId: 'localhost',
      userVerification: 'required',
    });
    const login = await loginByPasskey(client, authenticator);
    expect(login.status).toBe(200);
    client.token = (login.body.data as { access_token: string }).access_token;
    expect((await client.rest('GET', '/users/me')).body.data).toMatchObject({ user_id: user.userId });
    expect((await client.rest('GET', '/auth/passkeys')).body.data).toMatchObject([
      { ...passkey, last_used_at: expect.stringMatching(/Z$/) },
    ]);
    const passkeyId = (added.body.data as { passkey_id: string }).passkey_id;
    const events = await eventsOf(user.userId);
    expect(events).toContainEqual({ action: 'PASSKEY_ADDED', details: { passkeyId } });
    expect(events.at(-1)).toMatchObject({ action: 'LOGIN', details: { means: 'passkey' } });
  });

  it('are added, renamed and removed, and log in over GraphQL', async () => {
    const user = await signUp(app);
    const authenticator = new SoftwareAuthenticator();
    const { startPasskeyRegistration: options } = await user.ask<{ startPasskeyRegistration: never }>(
      'mutation ($input: StartPasskeyRegistrationInput!) { startPasskeyRegistration(input: $input) }',
      { input: { password: user.credentials.password } },
    );
    const { finishPasskeyRegistration: passkey } = await user.ask<{ finishPasskeyRegistration: { id: string } }>(
      `mutation ($input: FinishPasskeyRegistrationInput!) {
        finishPasskeyRegistration(input: $input) { id name isBackedUp lastUsedAt }
      }`,
      { input: { name: 'phone', credential: authenticator.create(options, app.url) } },
    );
    expect(passkey).toMatchObject({ name: 'phone', isBackedUp: false, lastUsedAt: null });
    const login = async () => {
      const { startPasskeyLogin } = await user.ask<{ startPasskeyLogin: never }>('mutation { startPasskeyLogin }');
      return user.graphql(
        'mutation ($credential: JSONObject!) { finishPasskeyLogin(credential: $credential) { accessToken expiresIn } }',
        { credential: authenticator.get(startPasskeyLogin, app.url) },
      );
    };
    expect((await login()).data).toMatchObject({ finishPasskeyLogin: { expiresIn: 3600 } });
    const rename = 'mutation ($id: ID!) { renamePasskey(id: $id, name: "tablet") { name } }';
    expect(await user.ask(rename, { id: passkey.id })).toEqual({ renamePasskey: { name: 'tablet' } });
    const node = 'query ($id: ID!) { node(id: $id) { __typename id ... on Passkey { name } } }';
    const found = { __typename: 'Passkey', id: passkey.id, name: 'tablet' };
    expect(await user.ask(node, { id: passkey.id })).toEqual({ node: found });
    expect(await (await signUp(app)).ask(node, { id: passkey.id })).toEqual({ node: null });
    const remove = 'mutation ($id: ID!) { deletePasskey(id: $id) { id name } }';
    expect(await user.ask(remove, { id: passkey.id })).toEqual({ deletePasskey: { id: passkey.id, name: 'tablet' } });
    expect((await login()).errors).toMatchObject([
      { message: 'Invalid passkey', extensions: { code: 'UNAUTHENTICATED' } },
    ]);
    expect(await user.ask('{ passkeys { id } }')).toEqual({ passkeys: [] });
    expect((await eventsOf(user.userId)).map(({ action }) => action)).toContain('PASSKEY_REMOVED');
  });

  describe('are added', () => {
    it('for the password, and while a second factor is on, for a code of it', async () => {
      const user = await signUp(app);
      const ask = (body: object) => user.rest('POST', '/auth/passkeys/options', body);
      const { password } = user.credentials;
      expect(await ask({})).toMatchObject(
        refusal(422, 'Validation error', { errors: [{ field: 'password', message: 'is required' }] }),
      );
      expect(await ask({ password: 'wrong password' })).toMatchObject(
        refusal(422, 'Validation error', { errors: [{ field: 'password', message: 'is not your password' }] }),
      );
      const { app: phone } = await protect(user);
      expect(await ask({ password })).toMatchObject(
        refusal(422, 'Validation error', {
          errors: [{ field: 'code', message: 'is required while the second factor is on' }],
        }),
      );
      expect(await ask({ password, code: phone.wrongCode() })).toMatchObject(refusal(400, 'Invalid code'));
      expect((await ask({ password, code: phone.code(1) })).status).toBe(200);
    });

    it.each(
      ODDITIES.map(([what, oddities]) => [what, { ...oddities, ...(oddities.type && { type: 'webauthn.get' }) }]),
    )('by no answer %s', async (_, oddities) => {
      const user = await signUp(app);
      const credential = new SoftwareAuthenticator().create(await creationOptions(user), app.url, oddities as Oddities);
      expect(await user.rest('POST', '/auth/passkeys', { name: 'phone', credential })).toMatchObject(NOT_GOOD);
      expect((await user.rest('GET', '/auth/passkeys')).body.data).toEqual([]);
    });

    it("by an answer to one's own challenge alone, once, within five minutes", async () => {
      const [ada, eve] = [await signUp(app), await signUp(app)];
      const add = (user: Actor, credential: object) =>
        user.rest('POST', '/auth/passkeys', { name: 'phone', credential });
      const ofAda = new SoftwareAuthenticator().create(await creationOptions(ada), app.url);
      expect(await add(eve, ofAda)).toMatchObject(NOT_GOOD);
      const answers = await Promise.all(Array.from({ length: 10 }, () => add(ada, ofAda)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      const late = new SoftwareAuthenticator().create(await creationOptions(ada), app.url);
      await app.database.query(
        `UPDATE passkey_challenges SET expires_at = expires_at - interval '5 minutes' WHERE user_id = $1`,
        [ada.userId],
      );
      expect(await add(ada, late)).toMatchObject(NOT_GOOD);
      const { challenge } = await requestOptions(ada);
      const ofLogin = new SoftwareAuthenticator().create({ ...(await creationOptions(ada)), challenge }, app.url);
      expect(await add(ada, ofLogin)).toMatchObject(NOT_GOOD);
    });

    it('once each, for one user', async () => {
      const { authenticator, user } = await holder();
      const other = await signUp(app);
      for (const someone of [user, other]) {
        const credential = authenticator.create(await creationOptions(someone), app.url);
        expect(await someone.rest('POST', '/auth/passkeys', { name: 'phone', credential })).toMatchObject(
          refusal(409, 'Passkey already registered'),
        );
      }
      expect((await other.rest('GET', '/auth/passkeys')).body.data).toEqual([]);
    });

    it('with the word of the authenticator alone: nobody asked its maker for theirs', async () => {
      const user = await signUp(app);
      const add = async (attestation: Oddities['attestation']) => {
        const credential = new SoftwareAuthenticator().create(await creationOptions(user), app.url, {
          ...(attestation && { attestation }),
        });
        return user.rest('POST', '/auth/passkeys', { name: 'phone', credential });
      };
      const statement = (signature: Uint8Array, more: [string, unknown][] = []) =>
        new Map<string, unknown>([['alg', -7], ['sig', signature], ...more]);
      expect((await add((signature) => ['packed', statement(signature)])).status).toBe(200);
      expect(await add(() => ['packed', statement(new Uint8Array(70))])).toMatchObject(NOT_GOOD);
      for (const format of ['packed', 'fido-u2f', 'tpm', 'apple', 'android-key', 'android-safetynet', 'nonsense']) {
        const vouched = await add((signature, keys) => [
          format,
          statement(signature, [['x5c', [new Uint8Array(attestationCertificate(keys))]]]),
        ]);
        expect(vouched).toMatchObject(NOT_GOOD);
      }
    });

    it('up to twenty', async () => {
      const user = await signUp(app);
      const options = [];
      for (let number = 0; number < 4; number++) options.push(await creationOptions(user));
      await app.database.query(
        `INSERT INTO passkeys (id, user_id, name, credential_id, public_key, counter, is_backed_up, created_at)
         SELECT gen_random_uuid(), $1::uuid, 'phone', $1::uuid::text || number, '', 0, false, now()
         FROM generate_series(1, 19) AS number`,
        [user.userId],
      );
      const full = refusal(409, 'Too many passkeys');
      const answers = await Promise.all(
        options.map((each) => {
          const credential = new SoftwareAuthenticator().create(each, app.url);
          return user.rest('POST', '/auth/passkeys', { name: 'phone', credential });
        }),
      );
      const refused = answers.filter(({ status }) => status !== 200);
      expect(refused).toMatchObject([full, full, full]);
      expect(await user.rest('POST', '/auth/passkeys/options', { password: user.credentials.password })).toMatchObject(
        full,
      );
    });

    it.each<[string, object, string]>([
      ['no name', { name: ' ' }, 'name'],
      ['a long name', { name: 'x'.repeat(65) }, 'name'],
      ['no answer', { credential: {} }, 'credential.id'],
      [
        'an answer that is a list',
        { credential: { id: [], rawId: 'AA', type: 'public-key', response: [] } },
        'credential.id',
      ],
      ['too long an answer', { credential: { id: 'A'.repeat(17_000) } }, 'credential'],
    ])('not with %s', async (_, fields, field) => {
      const user = await signUp(app);
      const credential = new SoftwareAuthenticator().create(await creationOptions(user), app.url);
      const answer = await user.rest('POST', '/auth/passkeys', { name: 'phone', credential, ...fields });
      expect(answer.status).toBe(422);
      expect(answer.body.data).toMatchObject({ errors: expect.arrayContaining([expect.objectContaining({ field })]) });
    });
  });

  describe('log in', () => {
    it.each(ODDITIES)('by no answer %s', async (_, oddities) => {
      const { authenticator, user } = await holder();
      expect(await loginByPasskey(new Actor(app.url), authenticator, oddities)).toMatchObject(INVALID);
      expect((await loginByPasskey(new Actor(app.url), authenticator)).status).toBe(200);
      const failed = (await eventsOf(user.userId)).filter(({ action }) => action === 'LOGIN_FAILED');
      // An answer to an unknown challenge cannot be attributed to a user, so it leaves no event.
      expect(failed).toHaveLength(oddities.challenge === undefined ? 1 : 0);
    });

    it("by no answer of another's passkey, or to another's name", async () => {
      const [ada, eve] = [await holder(), await holder()];
      const client = new Actor(app.url);
      const answer = eve.authenticator.get(await requestOptions(client), app.url);
      const { credentialId: id } = ada.authenticator;
      expect(await answerLogin(client, { ...answer, id, rawId: id })).toMatchObject(INVALID);
      const adasHandle = Buffer.from(ada.user.userId.replaceAll('-', ''), 'hex').toString('base64url');
      expect(await loginByPasskey(client, eve.authenticator, { userHandle: adasHandle })).toMatchObject(INVALID);
      expect(await loginByPasskey(client, new SoftwareAuthenticator(), { userHandle: adasHandle })).toMatchObject(
        INVALID,
      );
    });

    it('once for each challenge, of any number at once, within five minutes', async () => {
      const { authenticator } = await holder();
      const client = new Actor(app.url);
      const answer = authenticator.get(await requestOptions(client), app.url);
      const logins = await Promise.all(Array.from({ length: 50 }, () => answerLogin(client, answer)));
      expect(logins.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const login of logins.filter(({ status }) => status !== 200)) expect(login).toMatchObject(INVALID);
      const late = authenticator.get(await requestOptions(client), app.url);
      await app.database.query(`UPDATE passkey_challenges SET expires_at = expires_at - interval '5 minutes'`);
      expect(await answerLogin(client, late)).toMatchObject(INVALID);
      const { rowCount } = await app.database.query('SELECT FROM passkey_challenges WHERE expires_at > now()');
      expect(rowCount).toBe(0);
      // The next request for a challenge deletes the expired ones.
      await requestOptions(client);
      expect((await app.database.query('SELECT FROM passkey_challenges')).rowCount).toBe(1);
    });

    it('by no copy, where the authenticator counts', async () => {
      const { authenticator } = await holder();
      const client = new Actor(app.url);
      authenticator.counter = 7;
      expect((await loginByPasskey(client, authenticator)).status).toBe(200);
      for (const counter of [0, 7, 8]) {
        expect(await loginByPasskey(client, authenticator, { counter })).toMatchObject(INVALID);
      }
      expect((await loginByPasskey(client, authenticator, { counter: 4_294_967_295 })).status).toBe(200);
      const [one, two] = await Promise.all([0, 0].map(() => requestOptions(client)));
      const second = await holder();
      second.authenticator.counter = 1;
      const logins = await Promise.all(
        [one, two].map((options) =>
          answerLogin(client, second.authenticator.get(options as never, app.url, { counter: 5 })),
        ),
      );
      expect(logins.map(({ status }) => status).sort()).toEqual([200, 401]);
    });

    it('without the second factor, which they are themselves', async () => {
      const { authenticator, user } = await holder();
      await protect(user);
      expect((await loginByPasskey(new Actor(app.url), authenticator)).status).toBe(200);
    });

    it('a user with another password, or none, but no one who is suspended or deleted', async () => {
      const { authenticator, user } = await holder();
      const client = new Actor(app.url);
      const login = () => loginByPasskey(client, authenticator);
      await user.rest('PATCH', '/users/me', { password: 'a battery of horses' });
      expect((await login()).status).toBe(200);
      await app.database.query('UPDATE users SET password_hash = NULL WHERE id = $1', [user.userId]);
      expect((await login()).status).toBe(200);
      const admin = await newAdmin();
      await admin.rest('POST', `/admin/users/${user.userId}/suspend`);
      expect(await login()).toMatchObject(refusal(403, 'Account disabled'));
      await admin.rest('DELETE', `/admin/users/${user.userId}`);
      expect(await login()).toMatchObject(INVALID);
    });

    it('within a limit for each client', async () => {
      const limited = await startTestApp({ stores: on, settings: { RATE_LIMIT_LOGIN_CLIENT: '10/60' } });
      const client = new Actor(limited.url);
      const asked = await Promise.all(
        Array.from({ length: 30 }, () => client.rest('POST', '/auth/passkeys/login/options')),
      );
      expect(asked.filter(({ status }) => status === 200)).toHaveLength(10);
      expect(asked.find(({ status }) => status !== 200)).toMatchObject(refusal(429, 'Too many login attempts'));
      await limited.close();
    });
  });

  describe('after a reset of the password by mail', () => {
    async function reset({ credentials: { email } }: Actor): Promise<Actor> {
      const owner = new Actor(app.url, { email, password: 'a battery of horses' });
      await owner.rest('POST', '/auth/request-reset', { email });
      const otp = await mailServer.codeTo(email);
      const input = { email, otp, new_password: owner.credentials.password };
      expect((await owner.rest('POST', '/auth/reset-password', input)).status).toBe(200);
      return owner;
    }

    it('are gone where nobody proved account and mailbox together: whoever made the account may have waited with one', async () => {
      const { user: intruder, authenticator, passkeyId } = await holder();
      const owner = await reset(intruder);
      expect(await loginByPasskey(new Actor(app.url), authenticator)).toMatchObject(INVALID);
      await owner.login();
      expect(await owner.ask('{ passkeys { id } }')).toEqual({ passkeys: [] });
      expect(await eventsOf(intruder.userId)).toContainEqual({ action: 'PASSKEY_REMOVED', details: { passkeyId } });
    });

    it('stay where it was', async () => {
      const { user, authenticator } = await holder();
      await app.database.query('UPDATE users SET mailbox_proven_at = now() WHERE id = $1', [user.userId]);
      await reset(user);
      expect((await loginByPasskey(new Actor(app.url), authenticator)).status).toBe(200);
    });
  });

  it('are nobody else’s to rename or remove', async () => {
    const { passkeyId, authenticator } = await holder();
    const other = await newAdmin();
    const gone = refusal(404, 'Passkey not found');
    expect(await other.rest('PATCH', `/auth/passkeys/${passkeyId}`, { name: 'mine' })).toMatchObject(gone);
    expect(await other.rest('DELETE', `/auth/passkeys/${passkeyId}`)).toMatchObject(gone);
    expect((await loginByPasskey(new Actor(app.url), authenticator)).status).toBe(200);
  });
});
