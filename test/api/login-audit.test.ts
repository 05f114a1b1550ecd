import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';

const WRONG = 'a wrong password';

interface Row {
  readonly action: string;
  readonly actorId: string | null;
  readonly ipAddress: string;
  readonly userAgent: string;
  readonly details: Readonly<Record<string, unknown>>;
}

describe.each(stores)('the audit log of logins on %s', (on) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { RATE_LIMIT_LOGIN: '5/60' } });
  });
  afterAll(() => app.close());

  const COLUMNS = `action, actor_id AS "actorId", ip_address AS "ipAddress", user_agent AS "userAgent", details`;
  /** A user's events, oldest first; with null, those without an account. */
  const eventsOf = async (userId: string | null) => {
    const { rows } = await app.database.query<Row>(
      `SELECT ${COLUMNS} FROM audit_events
       WHERE subject_id IS NOT DISTINCT FROM $1 AND action IN ('LOGIN', 'LOGIN_FAILED') ORDER BY id`,
      [userId],
    );
    return rows;
  };
  const newUser = async () => {
    const user = new Actor(app.url);
    return Object.assign(user, { userId: await user.createUser() });
  };
  const tryPassword = (email: string, password = WRONG) =>
    new Actor(app.url).rest('POST', '/auth/login', { email, password }, { 'user-agent': 'a test' });
  const sessionOf = async (userId: string) => {
    const { rows } = await app.database.query<{ id: string }>('SELECT id FROM sessions WHERE user_id = $1', [userId]);
    return rows.map(({ id }) => id);
  };

  it('has each login over either door, with its session and where it came from', async () => {
    const [byRest, byGraphQL] = [await newUser(), await newUser()];
    expect((await tryPassword(byRest.credentials.email, byRest.credentials.password)).status).toBe(200);
    await byGraphQL.login();
    const [sessionId] = await sessionOf(byRest.userId);
    expect(await eventsOf(byRest.userId)).toEqual([
      {
        action: 'LOGIN',
        actorId: byRest.userId,
        ipAddress: '127.0.0.1',
        userAgent: 'a test',
        details: { means: 'password', sessionId },
      },
    ]);
    expect(await eventsOf(byGraphQL.userId)).toMatchObject([{ action: 'LOGIN', details: { means: 'password' } }]);
  });

  it('has what failed, at the account that was meant, and no more than the limit lets through', async () => {
    const user = await newUser();
    await Promise.all(Array.from({ length: 100 }, () => tryPassword(user.credentials.email)));
    const failure = {
      action: 'LOGIN_FAILED',
      actorId: null,
      ipAddress: '127.0.0.1',
      userAgent: 'a test',
      details: { means: 'password', reason: 'credentials' },
    };
    expect(await eventsOf(user.userId)).toEqual(Array(5).fill(failure));
  });

  it('has tries at an address that nobody has at nobody, without the address', async () => {
    const email = 'Nobody.In.Particular@example.com';
    expect((await tryPassword(email)).status).toBe(401);
    expect(await eventsOf(null)).toMatchObject([{ details: { means: 'password', reason: 'credentials' } }]);
    const { rows } = await app.database.query<{ text: string }>('SELECT e::text AS text FROM audit_events e');
    expect(JSON.stringify(rows)).not.toMatch(/nobody/i);
    expect(JSON.stringify(app.logged)).not.toMatch(/nobody\.in/i);
  });

  it('has the right password of an account that is switched off, with the reason', async () => {
    const user = await newUser();
    await app.database.query('UPDATE users SET is_suspended = true WHERE id = $1', [user.userId]);
    expect((await tryPassword(user.credentials.email, user.credentials.password)).status).toBe(403);
    expect(await eventsOf(user.userId)).toMatchObject([{ action: 'LOGIN_FAILED', details: { reason: 'disabled' } }]);
  });

  it('that cannot be written lets nobody in, and shows nobody which addresses there are', async () => {
    const user = await newUser();
    await app.database.query('ALTER TABLE audit_events ADD CONSTRAINT closed CHECK (false) NOT VALID');
    const right = await tryPassword(user.credentials.email, user.credentials.password);
    const [known, unknown] = [await tryPassword(user.credentials.email), await tryPassword('no-one@example.com')];
    await app.database.query('ALTER TABLE audit_events DROP CONSTRAINT closed');
    expect(right.status).toBe(500);
    expect(await sessionOf(user.userId)).toEqual([]);
    expect(known.status).toBe(500);
    expect(unknown).toMatchObject({ status: 500, body: { message: known.body.message } });
  });
});
