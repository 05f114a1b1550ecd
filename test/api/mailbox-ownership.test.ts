import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, type RestAnswer } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { completeOverRest, confirm, enrol, forgetUsedStep, Authenticator } from '../support/authenticator.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { startOidcProvider, type TestProvider } from '../support/oidc-provider.js';
import { creationOptions, loginByPasskey, registerPasskey } from '../support/passkeys.js';
import { BrowserLike, FRONT_END, parametersOf, providerSettings } from '../support/provider-login.js';
import { stores } from '../support/servers.js';
import { SoftwareAuthenticator } from '../support/software-authenticator.js';

/** What whoever made the account sets up in it, in this order. */
const SETUPS = ['passkey', 'link', 'totp', 'session'] as const;
/** Proofs of the mailbox: the first by whoever made the account, the others by somebody who may be another person. */
const PROOFS = ['verify with token', 'verify without', 'reset', 'provider login'] as const;
type Setup = (typeof SETUPS)[number];
type Proof = (typeof PROOFS)[number];
type Step = 'set up' | Proof;

const LOGIN_LIMITS = {
  RATE_LIMIT_LOGIN: '1000/60',
  RATE_LIMIT_LOGIN_CLIENT: '100000/60',
  RATE_LIMIT_CODE_ADDRESS: '1000/60',
  RATE_LIMIT_CODE_CLIENT: '100000/60',
  RATE_LIMIT_PROVIDER_LOGIN: '100000/60',
};
const NEW_PASSWORD = 'a battery of horses';

/** By which means whoever made the account is still in, or comes in; and what the account is. */
interface Outcome {
  readonly ways: readonly ('password' | Setup)[];
  readonly isVerified: boolean;
  readonly isProven: boolean;
  /** Whether a login of the mailbox's owner, by provider or password, is asked for a code that others have. */
  readonly isOwnerAsked: boolean;
}

/** The rule, as decision 21 has it, without a service. */
class Model {
  readonly #ways = new Set<'password' | 'first session' | Setup>(['password', 'first session']);
  isVerified = false;
  isProven = false;

  take(step: Step): void {
    const isIn = this.#ways.has('first session');
    if (step === 'set up') {
      if (isIn) for (const setup of SETUPS) this.#ways.add(setup);
    } else if (step === 'verify with token' || step === 'verify without') {
      this.isVerified = true;
      this.isProven ||= step === 'verify with token' && isIn;
    } else if (step === 'reset') {
      for (const way of ['password', 'session', 'first session'] as const) this.#ways.delete(way);
      this.#takeOver();
    } else {
      this.isVerified = true;
      this.#takeOver();
    }
  }

  #takeOver(): void {
    if (!this.isProven) this.#ways.clear();
    this.isProven = true;
  }

  get hasTotp(): boolean {
    return this.#ways.has('totp');
  }

  get outcome(): Outcome {
    const ways = (['password', ...SETUPS] as const).filter((way) => this.#ways.has(way));
    return { ways, isVerified: this.isVerified, isProven: this.isProven, isOwnerAsked: this.hasTotp };
  }
}

/** Every order of up to `length` of the items, each at most as often as it is there. */
function ordersOf<Item>(items: readonly Item[], length: number): readonly (readonly Item[])[] {
  if (length === 0) return [[]];
  return items.flatMap((item, index) =>
    ordersOf(
      items.filter((_, other) => other !== index),
      length - 1,
    ).map((rest) => [item, ...rest]),
  );
}

/** The proofs, with the setting up before each of them and after the last. */
function withSetup(proofs: readonly Proof[]): readonly (readonly Step[])[] {
  return [...proofs, null].map((_, at) => [...proofs.slice(0, at), 'set up', ...proofs.slice(at)]);
}

describe.each(stores)('an account that may be another person’s than the mailbox on %s', (on) => {
  let provider: TestProvider;
  let mailServer: MailServer;
  let app: TestApp;

  beforeAll(async () => {
    [provider, mailServer] = await Promise.all([startOidcProvider(), startMailServer()]);
    const settings = { ...LOGIN_LIMITS, ...providerSettings(provider), SMTP_URL: mailServer.url };
    app = await startTestApp({ stores: on, settings });
  });
  afterAll(async () => {
    await app.close();
    await mailServer.close();
    await provider.close();
  });

  const newPerson = (claims: { readonly email?: string; readonly email_verified?: boolean } = {}) => {
    const subject = randomBytes(8).toString('hex');
    provider.people.set(subject, claims);
    return subject;
  };
  const visit = async (subject: string): Promise<RestAnswer> => {
    const browser = new BrowserLike(app.url);
    return browser.get(await provider.visit(await browser.authorizationUrl('house'), subject));
  };
  const beginLink = async (actor: Actor, subject: string) => {
    const { password } = actor.credentials;
    const started = await actor.rest('POST', '/auth/oidc/house/link', { redirect_uri: FRONT_END, password });
    const { authorization_url: url, secret } = started.body.data as { authorization_url: string; secret: string };
    const { state, code, iss } = parametersOf(await provider.visit(url, subject));
    return { state, code, iss, secret };
  };
  const link = async (actor: Actor, subject: string) =>
    actor.rest('POST', '/auth/oidc/house/link/finish', await beginLink(actor, subject));

  /** Someone who has made an account with an address, and everybody who comes to it. */
  class Story {
    readonly holder = new Actor(app.url);
    readonly #stranger = new Actor(app.url);
    readonly #passkey = new SoftwareAuthenticator();
    readonly #subject = newPerson();
    readonly #owner = newPerson({ email: this.email, email_verified: true });
    #userId = '';
    #app: Authenticator | null = null;
    #session: string | undefined;
    #mails = 0;
    #hasSetUp = false;

    get email(): string {
      return this.holder.credentials.email;
    }

    async begin(): Promise<this> {
      this.#userId = await this.holder.createUser();
      await this.holder.login();
      return this;
    }

    async take(step: Step, model: Model, order: readonly Setup[]): Promise<void> {
      if (step === 'set up') await this.#setUp(order);
      else if (step === 'provider login') expect([200, 401]).toContain((await visit(this.#owner)).status);
      else if (step === 'reset') {
        const otp = await this.codeFrom('/auth/request-reset');
        const input = { email: this.email, otp, new_password: NEW_PASSWORD };
        expect((await this.#stranger.rest('POST', '/auth/reset-password', input)).status).toBe(200);
      } else if (!model.isVerified || !model.isProven) {
        const otp = await this.codeFrom('/auth/request-verify');
        const by = step === 'verify with token' ? this.holder : this.#stranger;
        expect((await by.rest('POST', '/auth/verify-email', { email: this.email, otp })).status).toBe(200);
      }
    }

    async codeFrom(path: string): Promise<string> {
      expect((await this.#stranger.rest('POST', path, { email: this.email })).status).toBe(200);
      return mailServer.codeTo(this.email, ++this.#mails);
    }

    async #setUp(order: readonly Setup[]): Promise<void> {
      this.#hasSetUp = true;
      const { status } = await this.holder.rest('GET', '/users/me');
      if (status === 401) return;
      for (const setup of order) {
        if (setup === 'passkey') await this.#addPasskey();
        else if (setup === 'link') expect((await link(this.holder, this.#subject)).status).toBe(200);
        else if (setup === 'totp') {
          this.#app = new Authenticator((await enrol(this.holder)).uri);
          await confirm(this.holder, this.#app.code());
        } else this.#session = await this.#tokenOf(await this.#login(this.holder.credentials.password));
      }
    }

    async #addPasskey(): Promise<void> {
      if (this.#app === null) await registerPasskey(this.holder, this.#passkey);
      else {
        const code = await this.#code();
        const credential = this.#passkey.create(await creationOptions(this.holder, code), app.url);
        const { status } = await this.holder.rest('POST', '/auth/passkeys', { name: 'phone', credential });
        expect(status).toBe(200);
      }
    }

    async #code(): Promise<string> {
      await forgetUsedStep(app, this.#userId);
      return this.#app?.code() ?? '';
    }

    #login(password: string): Promise<RestAnswer> {
      return this.#stranger.rest('POST', '/auth/login', { email: this.email, password });
    }

    /** The token of a login, for which whoever has the authenticator app gives its code if asked. */
    async #tokenOf(answer: RestAnswer): Promise<string | undefined> {
      if (!isAsked(answer)) return (answer.body.data as { access_token?: string } | null)?.access_token;
      const { challenge } = (answer.body.data as { second_factor: { challenge: string } }).second_factor;
      const completed = await completeOverRest(this.#stranger, challenge, await this.#code());
      return (completed.body.data as { access_token?: string } | null)?.access_token;
    }

    async #leadsIn(token: string | undefined): Promise<boolean> {
      if (token === undefined) return false;
      const actor = new Actor(app.url);
      actor.token = token;
      const { status, body } = await actor.rest('GET', '/users/me');
      return status === 200 && (body.data as { user_id: string }).user_id === this.#userId;
    }

    /** Tries every way in. */
    async outcome(): Promise<Outcome> {
      const ways: ('password' | Setup)[] = [];
      if (await this.#leadsIn(await this.#tokenOf(await this.#login(this.holder.credentials.password)))) {
        ways.push('password');
      }
      if (this.#hasSetUp) {
        if (await this.#leadsIn(await this.#tokenOf(await loginByPasskey(this.#stranger, this.#passkey)))) {
          ways.push('passkey');
        }
        if (await this.#leadsIn(await this.#tokenOf(await visit(this.#subject)))) ways.push('link');
      }
      const { rows } = await app.database.query<{ verified: boolean; proven: boolean; totp: boolean }>(
        `SELECT is_verified AS verified, mailbox_proven_at IS NOT NULL AS proven, EXISTS (
           SELECT FROM second_factors f WHERE f.user_id = u.id AND f.enabled_at IS NOT NULL) AS totp
         FROM users u WHERE id = $1`,
        [this.#userId],
      );
      const [row] = rows;
      if (row?.totp === true) ways.push('totp');
      if (await this.#leadsIn(this.#session)) ways.push('session');
      const isOwnerAsked = await this.#isOwnerAsked(ways.includes('password'));
      return { ways, isVerified: row?.verified ?? false, isProven: row?.proven ?? false, isOwnerAsked };
    }

    /** Whether the latest password opens only with a code. */
    async #isOwnerAsked(isOldPassword: boolean): Promise<boolean> {
      return isAsked(await this.#login(isOldPassword ? this.holder.credentials.password : NEW_PASSWORD));
    }
  }

  const isAsked = ({ status, body }: RestAnswer) => status === 401 && body.message === 'Second factor required';

  async function run(steps: readonly Step[], order: readonly Setup[]): Promise<{ got: Outcome; due: Outcome }> {
    const [model, story] = [new Model(), await new Story().begin()];
    for (const step of steps) {
      await story.take(step, model, order);
      model.take(step);
    }
    return { got: await story.outcome(), due: model.outcome };
  }

  it('is found by every spelling of its mailbox, and by no other', async () => {
    const name = randomBytes(8).toString('hex');
    const [unicode, ascii] = [`${name}@bücher.example`, `${name.toUpperCase()}@XN--bcher-kva.example`];
    const password = 'correct horse battery';
    const user = new Actor(app.url, { email: unicode, password });
    const id = await user.createUser();
    const again = await user.rest('POST', '/users', { provider: 'email', email: ascii, password });
    expect(again).toMatchObject({ status: 400, body: { message: 'User already exists' } });
    user.token = (await new Actor(app.url, { email: ascii, password }).login()).accessToken;
    await app.database.query('UPDATE users SET is_verified = true, mailbox_proven_at = now() WHERE id = $1', [id]);
    const same = await user.rest('PATCH', '/users/me', { email: ascii });
    expect(same).toMatchObject({ status: 200, body: { data: { is_verified: true } } });
    const stored = await app.database.query<{ email: string }>(
      'UPDATE users SET email = $2 WHERE id = $1 AND mailbox_proven_at IS NOT NULL RETURNING email',
      [id, `mi\u212ae${name}@example.com`],
    );
    expect(stored.rows).toHaveLength(1);
    const spelled = `mike${name}@example.com`;
    expect((await new Actor(app.url).rest('POST', '/auth/login', { email: spelled, password })).status).toBe(401);
    const other = await user.rest('PATCH', '/users/me', { email: spelled });
    expect(other).toMatchObject({ status: 200, body: { data: { email: spelled, is_verified: false } } });
    const { rows } = await app.database.query('SELECT FROM users WHERE id = $1 AND mailbox_proven_at IS NULL', [id]);
    expect(rows).toHaveLength(1);
  });

  it('stays reachable by an address from before the rule', async () => {
    const email = `${randomBytes(8).toString('hex')}@-example.com`;
    const user = new Actor(app.url);
    const id = await user.createUser();
    await app.database.query('UPDATE users SET email = $2 WHERE id = $1', [id, email]);
    const old = new Actor(app.url, { ...user.credentials, email });
    await old.login();
    const sentAlong = await old.rest('PATCH', '/users/me', { email, phone_number: '+49 30 1234' });
    expect(sentAlong).toMatchObject({ status: 200, body: { data: { email } } });
    expect((await old.rest('POST', '/auth/request-reset', { email })).status).toBe(200);
    expect(await mailServer.codeTo(email)).toMatch(/^\d{6}$/);
    expect((await old.rest('PATCH', '/users/me', { email: `x${email}` })).status).toBe(422);
  });

  it.each([1, 2, 3])('keeps what decision 21 says, in every order of %d proofs and the setting up', async (count) => {
    const orders = ordersOf(SETUPS, SETUPS.length);
    // The order of the set up things turns with the cases: among themselves they have nothing to do with each other.
    const cases = ordersOf([...PROOFS, ...PROOFS.slice(2)], count)
      .map(withSetup)
      .flat()
      .filter((steps, index, all) => all.findIndex((other) => other.join() === steps.join()) === index)
      .filter((_, index) => count < 3 || index % 30 === 0)
      .map((steps, index) => ({ steps, order: orders[(index * 7) % orders.length] ?? SETUPS }));
    const [got, due]: Record<string, Outcome>[] = [{}, {}];
    const left = [...cases];
    const worker = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const { steps, order } = next;
        const outcome = await run(steps, order);
        const name = `${steps.join(', ')} (${order.join(', ')})`;
        Object.assign(got ?? {}, { [name]: outcome.got });
        Object.assign(due ?? {}, { [name]: outcome.due });
      }
    };
    await Promise.all(Array.from({ length: 6 }, worker));
    expect(Object.keys(got ?? {}).length).toBe(cases.length);
    expect(got).toEqual(due);
  });
});
