import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, signUp, type RestAnswer } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { stores, testServerUrl } from '../support/servers.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { askModel, followReply, ROOMY_PLANS, type ReplyEvent } from '../support/replies.js';

const TRIES = 100;
const LIMIT = { RATE_LIMIT_LOGIN: '5/60' };
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }';

/** The result of a login. `checked` means that the password was compared and was wrong. */
type Outcome = 'checked' | 'refused' | 'logged in';

/** Fails for any other answer, and for a refusal without a valid `Retry-After`. */
function outcomeOf({ status, headers, body }: RestAnswer): Outcome {
  if (status === 200) return 'logged in';
  if (status === 401) {
    expect(body).toEqual({ code: 401, message: 'Invalid credentials', data: null });
    return 'checked';
  }
  expect({ status, body }).toEqual({
    status: 429,
    body: { code: 429, message: 'Too many login attempts', data: null },
  });
  expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
  return 'refused';
}

async function login(url: string, email: string, password = 'a wrong password'): Promise<Outcome> {
  return outcomeOf(await new Actor(url).rest('POST', '/auth/login', { email, password }));
}

async function loginByGraphQL(url: string, email: string, password = 'a wrong password'): Promise<Outcome> {
  const { errors } = await new Actor(url).graphql(LOGIN, { input: { email, password } });
  const [error] = errors ?? [];
  if (error === undefined) return 'logged in';
  if (error.extensions.code === 'UNAUTHENTICATED') return 'checked';
  expect(error).toMatchObject({ message: 'Too many login attempts', extensions: { code: 'RATE_LIMITED' } });
  expect(error.extensions['retryAfter']).toBeGreaterThanOrEqual(1);
  return 'refused';
}

function count(outcomes: readonly Outcome[]): Partial<Record<Outcome, number>> {
  return Object.fromEntries(
    [...Map.groupBy(outcomes, (outcome) => outcome)].map(([name, { length }]) => [name, length]),
  );
}

const times = <Value>(number: number, make: (index: number) => Value) =>
  Array.from({ length: number }, (_, i) => make(i));

const newUser = async ({ url }: { readonly url: string }, email?: string) => {
  const user = email === undefined ? new Actor(url) : new Actor(url, { email, password: 'correct horse battery' });
  await user.createUser();
  return user.credentials;
};

describe.each(stores)('logins on %s', (on) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: LIMIT });
  });
  afterAll(() => app.close());

  it('of one address: of a hundred wrong ones at once five are checked, and then the right one is refused too', async () => {
    const { email, password } = await newUser(app);
    const attempts = times(TRIES, (index) => (index % 2 === 0 ? login : loginByGraphQL)(app.url, email));
    expect(count(await Promise.all(attempts))).toEqual({ checked: 5, refused: TRIES - 5 });
    expect(await login(app.url, email, password)).toBe('refused');
    expect(await loginByGraphQL(app.url, email, password)).toBe('refused');
  });

  it('of an address that nobody has are limited alike', async () => {
    const outcomes = await Promise.all(times(TRIES, () => login(app.url, 'nobody@example.com')));
    expect(count(outcomes)).toEqual({ checked: 5, refused: TRIES - 5 });
  });

  it('that succeed count as well', async () => {
    const { email, password } = await newUser(app);
    const outcomes = await Promise.all(times(20, () => login(app.url, email, password)));
    expect(count(outcomes)).toEqual({ 'logged in': 5, refused: 15 });
  });

  it('of the same address in other spellings are those of one', async () => {
    const { email, password } = await newUser(app, 'kim.fisher@example.com');
    const spellings = [email, email.toUpperCase(), ` ${email}`, `\u3000${email}\u00a0`, 'Kim.Fisher@EXAMPLE.com'];
    const outcomes = await Promise.all(
      [...spellings, ...spellings.slice(0, 3)].map((spelling) => login(app.url, spelling)),
    );
    expect(count(outcomes)).toEqual({ checked: 5, refused: 3 });
    // Other mailboxes, which look alike or which a database may take for the same: the Kelvin sign, a full-width letter, a ligature.
    for (const other of ['\u212aim.fisher@example.com', '\uff4bim.fisher@example.com', 'kim.\ufb01sher@example.com'])
      expect(await login(app.url, other, password)).toBe('checked');
  });

  it('with a spelling that is counted by itself reach nobody, whatever the database takes for one', async () => {
    const { email, password } = await newUser(app, 'ida@example.com');
    expect(await login(app.url, email.replace('i', '\u0130'), password)).toBe('checked');
    expect(await login(app.url, email, password)).toBe('logged in');
  });

  it('are still counted after a restart', async () => {
    const { email, password } = await newUser(app);
    await Promise.all(times(5, () => login(app.url, email)));
    app = await app.restart();
    expect(await login(app.url, email, password)).toBe('refused');
  });
});

describe.each(stores)('logins from one client on %s', (on) => {
  it('are limited whatever the addresses, and leave other clients alone', async () => {
    const app = await startTestApp({ stores: on, settings: { RATE_LIMIT_LOGIN_CLIENT: '10/60' } });
    const { email, password } = await newUser(app);
    const outcomes = await Promise.all(times(30, (index) => login(app.url, `someone-${index}@example.com`)));
    expect(count(outcomes)).toEqual({ checked: 10, refused: 20 });
    expect(await login(app.url, email, password)).toBe('refused');
    // The refused attempt did not count against the e-mail address.
    expect(await statusFrom('127.0.0.2', app.url, { email, password })).toBe(200);
    await app.close();
  });
});

/** The status of a login that is sent from another loopback address. */
async function statusFrom(localAddress: string, url: string, credentials: object): Promise<number | undefined> {
  const call = request(`${url}/api/v1/auth/login`, {
    method: 'POST',
    localAddress,
    headers: { 'content-type': 'application/json' },
  });
  call.end(JSON.stringify(credentials));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

const server = testServerUrl();
const redisUrl = process.env['TEST_REDIS_URL'];

(server === undefined || redisUrl === undefined ? describe.skip : describe)('two instances on one database', () => {
  let resources: AsyncDisposableStack;
  beforeEach(() => {
    resources = new AsyncDisposableStack();
  });
  afterEach(() => resources.disposeAsync());

  const startTwo = async (redis: string | undefined) => {
    const database = await createMigratedDatabase(server ?? '');
    resources.defer(() => database.drop());
    const settings = { ...LIMIT, DATABASE_URL: database.url, REDIS_URL: redis };
    const start = async () => {
      const app = await startTestApp({ stores: 'servers', settings });
      resources.defer(() => app.close());
      return app;
    };
    return [await start(), await start()] as const;
  };
  /** Attempts on both instances alternately. */
  const tryBoth = (number: number, [first, second]: readonly [TestApp, TestApp], email: string) =>
    times(number, (index) => login(index % 2 === 0 ? first.url : second.url, email));

  it('count logins together, with no Redis between them', async () => {
    const apps = await startTwo(undefined);
    const { email } = await newUser(apps[0]);
    expect(count(await Promise.all(tryBoth(TRIES, apps, email)))).toEqual({ checked: 5, refused: TRIES - 5 });
  });

  it('lift no limit when Redis goes away: before, while and after a hundred tries', async () => {
    const { hostname, port, pathname } = new URL(redisUrl ?? '');
    const proxy = await startFaultProxy({ host: hostname, port: Number(port) });
    resources.defer(() => proxy.close());
    const apps = await startTwo(`redis://127.0.0.1:${proxy.port}${pathname}`);
    const [{ url }] = apps;
    const [before, meanwhile, after] = await Promise.all([newUser(apps[0]), newUser(apps[0]), newUser(apps[0])]);

    expect(count(await Promise.all(tryBoth(5, apps, before.email)))).toEqual({ checked: 5 });
    const attempts = tryBoth(TRIES / 2, apps, meanwhile.email);
    proxy.refuse();
    attempts.push(...tryBoth(TRIES / 2, apps, meanwhile.email));
    expect(count(await Promise.all(attempts))).toEqual({ checked: 5, refused: TRIES - 5 });
    for (const app of apps) expect(await login(app.url, before.email, before.password)).toBe('refused');
    expect(count(await Promise.all(tryBoth(TRIES, apps, after.email)))).toEqual({ checked: 5, refused: TRIES - 5 });

    const other = await newUser(apps[1]);
    expect(await login(url, other.email, other.password)).toBe('logged in');
  });
});

describe.each(stores)('a flood of logins on %s', (on) => {
  const FLOOD = 500;
  const CHUNKS = times(100, (index) => `word-${index} `);

  it('stalls no stream, and what does not fit the queue is refused at once', async () => {
    const app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS }, passwords: 'as shipped' });
    const reader = await signUp(app);
    const conversation = await reader.createConversation();
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ chunks: CHUNKS, hold: { after: 1, until: gate.promise } });
    const stream = followReply(reader, 'webSocket', await askModel(reader, conversation));
    const events: ReplyEvent[] = [];
    const take = async () => {
      const { value, done } = await stream.next();
      if (done !== true) events.push(...[value].flat());
      return done !== true;
    };
    await take();

    const answered: number[] = [];
    const flood = times(FLOOD, async (index) => {
      const input = { email: `flood-${index}@example.com`, password: 'a wrong password' };
      const { status } = await new Actor(app.url).rest('POST', '/auth/login', input);
      answered.push(status);
      return status;
    });
    // As soon as the first password has been checked, the queue is full.
    await Promise.race(flood);
    gate.resolve(undefined);
    while (await take());
    const checkedMeanwhile = answered.filter((status) => status === 401).length;
    expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: CHUNKS.join('') });

    const statuses = await Promise.all(flood);
    const checked = statuses.filter((status) => status === 401).length;
    expect(statuses.filter((status) => status !== 401 && status !== 503)).toEqual([]);
    // Two in progress and two hundred queued, plus those that finished while the rest arrived.
    expect(checked).toBeGreaterThanOrEqual(202);
    expect(checked).toBeLessThan(FLOOD);
    // The whole answer arrived while most of the passwords were still queued.
    expect(checkedMeanwhile).toBeLessThan(checked / 2);
    await app.close();
  });
});
