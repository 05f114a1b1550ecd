import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AccountsFixture, PASSWORD } from '../../test/support/accounts.js';
import { testDatabases, type TestDatabase } from '../../test/support/database.js';
import { silentLogger } from '../../test/support/servers.js';
import { PgBossJobQueue } from '../adapters/jobs/pg-boss-job-queue.js';
import { UsageRepository } from '../features/chat/usage/usage.repository.js';
import { operator } from '../features/identity/accounts/account-actor.js';
import { OperatorService } from '../features/identity/accounts/operator.service.js';
import type { UserRow } from '../features/identity/accounts/user.js';
import { removeSecondFactor } from '../features/identity/second-factor/remove-second-factor.js';
import { SecondFactorRepository } from '../features/identity/second-factor/second-factor.repository.js';
import { userSessionsFeature } from '../features/identity/user-sessions/user-sessions.feature.js';
import { deadMailFeature } from '../features/operations/dead-mail/dead-mail.feature.js';
import { announcementsFeature } from '../features/operations/announcements/announcements.feature.js';
import { modelBreakerClosings } from '../features/operations/model-breakers/model-breakers.feature.js';
import { usageCorrectionsFeature } from '../features/operations/usage-corrections/usage-corrections.feature.js';
import { runningRepliesFeature } from '../features/operations/running-replies/running-replies.feature.js';
import { systemClock } from '../kernel/clock.js';
import type { Finding } from '../kernel/installation.js';
import { UsageError } from './failures.js';
import { runCommand } from './run.js';

const NEW_PASSWORD = 'a battery of horses';

describe.each(testDatabases())('the command line, on $name:', ({ name, open }) => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let jobs: PgBossJobQueue;
  let printed: string[];
  let said: string[];
  let asked: string[];
  let answer: boolean | Error;

  beforeAll(async () => {
    database = await open();
    fixture = new AccountsFixture(database);
    jobs = await PgBossJobQueue.open({
      database: Object.assign(database, { embedded: name === 'embedded' }),
      log: silentLogger,
      maintains: false,
    });
    await fixture.admin();
  });
  afterAll(async () => {
    await jobs.close();
    await database.drop();
  });
  beforeEach(() => {
    printed = [];
    said = [];
    asked = [];
    answer = true;
  });

  const secondFactors = {
    removeByOperator: (userId: string) =>
      database.transaction((sql) =>
        removeSecondFactor(
          { repository: new SecondFactorRepository(database), audit: fixture.audit },
          sql,
          operator,
          userId,
        ),
      ),
  };
  const deadMail = [
    {
      id: '01890a5d-ac96-774b-bcce-b302099a8057',
      queue: 'one-time-codes',
      kind: 'PASSWORD_RESET',
      email: 'ada@example.com',
      reason: 'the SMTP server did not take the mail: ESOCKET\u001b[2J',
      tries: 15,
      requestedAt: new Date('2026-11-26T00:00:00Z'),
      failedAt: new Date('2026-11-26T00:10:00Z'),
    },
  ];
  const findings: Finding[] = [];
  const run = (...words: string[]) =>
    runCommand(words, {
      prompts: {
        newPassword: () => {
          asked.push('password');
          return Promise.resolve(NEW_PASSWORD);
        },
        confirm: (question) => {
          asked.push(question);
          return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
        },
      },
      print: (text) => printed.push(text),
      say: (text) => said.push(text),
      backUp: () => Promise.resolve([]),
      restoreBackup: (file, force) => Promise.resolve([`${file} is restored${force ? ', by force' : ''}`]),
      settings: () => [{ name: 'PORT', value: '80\u001b[2J', source: 'environment' }],
      examine: async function* () {
        yield* await Promise.resolve(findings);
      },
      withOperations: (work) => {
        const needs = { database, audit: fixture.audit };
        return work({
          users: { find: (name) => fixture.accounts.get(operator, name) },
          replies: runningRepliesFeature(needs).service,
          announcements: announcementsFeature({ ...needs, clock: systemClock }).service,
          breakers: modelBreakerClosings({ ...needs, models: ['fast'] }),
          deadMail: deadMailFeature({ ...needs, jobs }).service,
          sessions: userSessionsFeature({ ...needs, admins: fixture.admins, sessions: fixture.sessions }).service,
          corrections: usageCorrectionsFeature({
            ...needs,
            admins: fixture.admins,
            usage: { correct: (...args) => new UsageRepository(database).correct(...args) },
          }).service,
        });
      },
      withOperator: (work) =>
        work(
          new OperatorService({
            deadMail: { latest: () => Promise.resolve({ mails: deadMail, total: deadMail.length + 1 }) },
            accounts: fixture.accounts,
            admins: fixture.admins,
            directory: fixture.directory,
            secondFactors,
            invitations: fixture.invitations,
          }),
        ),
    });
  const stateOf = async ({ id }: UserRow) => {
    const { rows } = await database.query<{ isAdmin: boolean; isSuspended: boolean; isDeleted: boolean }>(
      `SELECT is_admin AS "isAdmin", is_suspended AS "isSuspended", deleted_at IS NOT NULL AS "isDeleted"
       FROM users WHERE id = $1`,
      [id],
    );
    return rows[0];
  };
  const eventsOf = async ({ id }: UserRow) => {
    const { rows } = await database.query<{ action: string }>(
      `SELECT action::text, actor_id, ip_address, details FROM audit_events
       WHERE subject_id = $1 AND action NOT IN ('LOGIN', 'USER_CREATED') ORDER BY id`,
      [id],
    );
    return rows;
  };
  const byOperator = (action: string) => ({
    action,
    actor_id: null,
    ip_address: null,
    details: { by: 'command line' },
  });

  it('create makes an admin, whose address counts as verified, with the password asked for', async () => {
    const email = fixture.uniqueEmail();
    expect(await run('create', ` ${email} `)).toBe(0);
    const [user] = (await fixture.admins.list((await fixture.admin()).viewer, email, {})).nodes;
    if (user === undefined) throw new Error('no user');
    expect(user).toMatchObject({ email, isAdmin: true, isVerified: true, plan: 'free', provider: 'email' });
    expect(said).toEqual([`${email} (${user.id}) is a new admin`]);
    expect(printed).toEqual([]);
    await fixture.login(user, NEW_PASSWORD);
    expect(await eventsOf(user)).toEqual([byOperator('ADMIN_GRANTED')]);
  });

  it('create makes an ordinary user with another plan, and a password that it prints', async () => {
    const email = fixture.uniqueEmail();
    expect(await run('create', email, '--no-admin', '--plan', 'pro', '--generate')).toBe(0);
    expect(asked).toEqual([]);
    const [password = ''] = printed;
    expect(password).toMatch(/^[\w-]{20}$/);
    expect(said.join()).not.toContain(password);
    const { accessToken } = await fixture.logins.login(email, password, { ipAddress: null, userAgent: null });
    expect(await fixture.authenticate(accessToken)).toMatchObject({ isAdmin: false, plan: 'pro' });
  });

  it('create refuses, before it asks for a password, an address that is taken or none', async () => {
    const { email } = await fixture.create();
    expect(await run('create', email?.toUpperCase() ?? '')).toBe(1);
    expect(await run('create', 'ada')).toBe(2);
    expect(said).toEqual(['error: User already exists', 'error: "ada" must be an e-mail address']);
    expect(asked).toEqual([]);
    expect(await run('create', fixture.uniqueEmail(), '--plan', 'gold')).toBe(2);
    expect(said.at(-1)).toBe('error: plan is not the name of a plan');
  });

  it('dead-mail lists the mails that were given up, and says when there are more', async () => {
    expect(await run('dead-mail')).toBe(0);
    expect(printed).toEqual([
      expect.stringMatching(
        /^ID +QUEUE +MAIL +ADDRESS +REQUESTED +GIVEN UP +TRIES +REASON\n01890a5d-ac96-774b-bcce-b302099a8057 +one-time-codes +PASSWORD_RESET +ada@example\.com +2026-11-26T00:00:00\.000Z +2026-11-26T00:10:00\.000Z +15 +the SMTP server did not take the mail: ESOCKET\ufffd\[2J$/,
      ),
    ]);
    expect(said).toEqual(['1 of 2 mails']);
    expect(await run('dead-mail', '--json')).toBe(0);
    expect(JSON.parse(printed[1] ?? '')).toEqual([expect.objectContaining({ email: 'ada@example.com', tries: 15 })]);
  });

  it('invite prints a code that makes one account of that plan for the address, and is in the audit log', async () => {
    const email = fixture.uniqueEmail();
    expect(await run('invite', ` ${email} `, '--plan', 'pro', '--days', '2')).toBe(0);
    const [invitation = ''] = printed;
    expect(invitation).toMatch(/^[\w-]{43}$/);
    expect(said.join()).not.toContain(invitation);
    expect(await fixture.create({ email, invitation })).toMatchObject({ email, plan: 'pro' });
    await expect(fixture.create({ email: fixture.uniqueEmail(), invitation })).rejects.toThrow('Invalid invitation');
    const { rows } = await database.query<{ details: object }>(
      "SELECT details FROM audit_events WHERE action = 'INVITATION_CREATED' ORDER BY id DESC LIMIT 1",
    );
    expect(rows[0]?.details).toMatchObject({ by: 'command line', plan: 'pro', uses: 1 });
    expect(await run('invite', 'ada')).toBe(2);
    expect(await run('invite', '--uses', '0')).toBe(2);
    expect(await run('invite', email, '--uses', '2')).toBe(2);
  });

  it('invitations lists those that there are, good or not, without their codes', async () => {
    const email = fixture.uniqueEmail();
    const states = { [email]: 'good', anyone: 'revoked' };
    expect(await run('invite', email, '--plan', 'pro', '--days', '2')).toBe(0);
    expect(await run('invite', '--uses', '3')).toBe(0);
    const codes = printed.splice(0);
    expect(await run('invitations', '--json')).toBe(0);
    const [open, bound] = JSON.parse(printed.pop() ?? '') as { readonly id: string; readonly email: string | null }[];
    expect(bound).toMatchObject({ email, plan: 'pro', maxUses: 1, uses: 0, revokedAt: null });
    expect(open).toMatchObject({ email: null, plan: null, maxUses: 3, uses: 0, revokedAt: null });
    expect(await run('revoke-invitation', open?.id ?? '', '--yes')).toBe(0);
    expect(await run('invitations')).toBe(0);
    const [heading = '', ...lines] = (printed.pop() ?? '').split('\n');
    expect(heading.split(/ {2,}/)).toEqual(['FOR', 'ID', 'STATE', 'PLAN', 'USED', 'GOOD UNTIL']);
    for (const [index, [who, state]] of Object.entries(states).reverse().entries()) {
      expect(lines[index]).toMatch(new RegExp(`^${who} +[0-9a-f-]{36}  ${state} +(?:pro|-)  +0 of [13] +\\d{4}-`));
    }
    await fixture.create({ email, invitation: codes[0] });
    expect(await run('invitations')).toBe(0);
    expect(printed.pop()).toMatch(new RegExp(`^${email} .* used up +pro +1 of 1 `, 'm'));
    expect([...said, ...printed].join()).not.toContain(codes[0]);
  });

  it('revoke-invitation asks, ends the invitation once, and is in the audit log', async () => {
    expect(await run('invite')).toBe(0);
    const [invitation = ''] = printed.splice(0);
    expect(await run('invitations', '--json')).toBe(0);
    const [{ id = '' } = {}] = JSON.parse(printed[0] ?? '') as { readonly id?: string }[];
    answer = false;
    expect(await run('revoke-invitation', id)).toBe(130);
    answer = true;
    for (const _ of [1, 2]) expect(await run('revoke-invitation', id)).toBe(0);
    expect(asked).toEqual(Array.from({ length: 3 }, () => `Nobody can use the invitation ${id} any more.`));
    expect(said.at(-1)).toBe('the invitation is revoked; 0 accounts were made with it');
    await expect(fixture.create({ email: fixture.uniqueEmail(), invitation })).rejects.toThrow('Invalid invitation');
    const { rows } = await database.query<{ actor_id: string | null; details: object }>(
      "SELECT actor_id, details FROM audit_events WHERE action = 'INVITATION_REVOKED' AND details->>'invitationId' = $1",
      [id],
    );
    expect(rows).toEqual([{ actor_id: null, details: { invitationId: id, by: 'command line' } }]);
  });

  it('revoke-invitation refuses what is the id of none', async () => {
    expect(await run('revoke-invitation', '01890a5d-ac96-774b-bcce-b302099a8057', '--yes')).toBe(1);
    expect(await run('revoke-invitation', 'ada', '--yes')).toBe(2);
    expect(said).toEqual([
      'error: Invitation not found',
      'error: "ada" is not the id of an invitation; `invitations` shows them',
    ]);
  });

  it('replies lists what runs, and stop-reply refuses what is no reply', async () => {
    expect(await run('replies')).toBe(0);
    expect(await run('replies', '--json')).toBe(0);
    expect(printed).toEqual(['REPLY  USER  CONVERSATION  MODEL  STATE  SINCE', '[]']);
    const id = '01890a5d-ac96-774b-bcce-b302099a8057';
    expect(await run('stop-reply', id)).toBe(1);
    expect(asked).toEqual([`The reply ${id} will end with what has come.`]);
    answer = false;
    expect(await run('stop-reply', id)).toBe(130);
    expect(await run('stop-reply', 'ada', '--yes')).toBe(2);
    expect(said).toEqual([
      'error: Reply not found',
      'Canceled: nothing was changed',
      'error: "ada" is not the id of a reply; `replies` shows them',
    ]);
  });

  it('retry-mail and drop-mail refuse what is no mail that was given up', async () => {
    const id = '01890a5d-ac96-774b-bcce-b302099a8057';
    expect(await run('retry-mail', id)).toBe(1);
    expect(await run('drop-mail', id)).toBe(1);
    expect(asked).toEqual([`The mail ${id} will never be sent.`]);
    expect(await run('retry-mail', '--queue', 'none')).toBe(0);
    expect(await run('retry-mail')).toBe(2);
    expect(await run('retry-mail', id, '--queue', 'none')).toBe(2);
    expect(await run('drop-mail', 'ada', '--yes')).toBe(2);
    answer = false;
    expect(await run('drop-mail', id)).toBe(130);
    expect(said).toEqual([
      'error: Mail not found',
      'error: Mail not found',
      '0 mails are tried again',
      'error: Name a mail by its id, or a --queue',
      'error: Name a mail by its id, or a --queue',
      'error: "ada" is not the id of a mail; `dead-mail` shows them',
      'Canceled: nothing was changed',
    ]);
  });

  it('sessions lists where a user is logged in, and end-sessions ends one or all', async () => {
    const { user, tokens } = await fixture.person();
    for (let more = 0; more < 2; more++) await fixture.login(user);
    expect(await run('sessions', user.id)).toBe(0);
    expect(printed.pop()?.split('\n')).toEqual([
      expect.stringMatching(/^ID +SINCE +LAST USED +ADDRESS +CLIENT$/),
      ...Array<unknown>(3).fill(expect.stringMatching(/^[0-9a-f-]{36} {2}\d{4}-/)),
    ]);
    expect(await run('sessions', user.id, '--json')).toBe(0);
    const listed = JSON.parse(printed.pop() ?? '') as { readonly id: string }[];
    const first = listed.at(-1)?.id ?? '';
    expect(await run('end-sessions', user.id, '--session', first)).toBe(0);
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow('Invalid token');
    expect(await run('end-sessions', user.id, '--session', first, '--yes')).toBe(1);
    expect(await run('end-sessions', user.id, '--session', 'ada', '--yes')).toBe(2);
    expect(await run('end-sessions', user.id)).toBe(0);
    expect(await run('end-sessions', user.id, '--yes')).toBe(0);
    answer = false;
    expect(await run('end-sessions', user.id)).toBe(130);
    expect(said).toEqual([
      'the session has ended',
      'error: Session not found',
      'error: "ada" is not the id of a session; `sessions` shows them',
      '2 sessions have ended',
      '0 sessions have ended',
      'Canceled: nothing was changed',
    ]);
    const name = `${user.email ?? ''} (${user.id})`;
    const all = `${name}: every session will end.`;
    expect(asked).toEqual([`${name}: the session ${first} will end.`, all, all]);
    expect(await eventsOf(user)).toMatchObject([
      { action: 'SESSION_REVOKED', details: { sessionId: first, by: 'command line' } },
      { action: 'SESSION_REVOKED', details: { sessions: 2, by: 'command line' } },
    ]);
  });

  it('close-breaker tells the instances to ask a model again, and refuses what is no model', async () => {
    const closings = async () => (await database.query('SELECT model, closed_at FROM model_breaker_closings')).rows;
    expect(await run('close-breaker', 'slow')).toBe(1);
    expect(await run('close-breaker', 'fast', '--reason', ' ')).toBe(2);
    expect(await closings()).toEqual([]);
    expect(await run('close-breaker', 'fast', '--reason', 'the key is paid')).toBe(0);
    const [first] = await closings();
    expect(await run('close-breaker', 'fast')).toBe(0);
    const second = await closings();
    expect(second).toMatchObject([{ model: 'fast' }]);
    expect(second).not.toEqual([first]);
    const asked = 'the instances that leave fast alone ask it again within seconds';
    expect(said).toEqual(['error: Model breaker not found', 'error: A reason has 1 to 500 characters', asked, asked]);
    const { rows } = await database.query(
      "SELECT actor_id, subject_id, details FROM audit_events WHERE action = 'MODEL_BREAKER_CLOSED' ORDER BY id",
    );
    const event = { actor_id: null, subject_id: null };
    expect(rows).toEqual([
      { ...event, details: { model: 'fast', reason: 'the key is paid', by: 'command line' } },
      { ...event, details: { model: 'fast', by: 'command line' } },
    ]);
  });

  it('announce tells everyone, announcements lists it, change-announcement changes it, and end-announcement ends it', async () => {
    expect(await run('announce', 'We moved.\u001b[2J')).toBe(0);
    expect(await run('announce', 'Down', '--level', 'warning', '--from', '2099-01-01T00:00Z')).toBe(2);
    const from = new Date(Date.now() + 3_600_000).toISOString();
    expect(await run('announce', 'Soon', '--level', 'critical', '--from', from)).toBe(0);
    for (const words of [
      [' '],
      ['x', '--level', 'loud'],
      ['x', '--until', '2026-01-31 22:00'],
      ['x', '--from', '2026-02-31T99:00Z'],
    ])
      expect(await run('announce', ...words)).toBe(2);
    const [moved = '', soon = ''] = printed;
    expect(await run('announcements')).toBe(0);
    expect(printed.pop()?.split('\n')).toEqual([
      expect.stringMatching(/^ID +STATE +LEVEL +FROM +UNTIL +TEXT$/),
      expect.stringMatching(new RegExp(`^${soon} +scheduled +critical +${from} +- +Soon$`)),
      expect.stringMatching(new RegExp(`^${moved} +current +info +\\d{4}-\\S+ +- +We moved\\.[^\u001b]*$`)),
    ]);
    expect(await run('announcements', '--json')).toBe(0);
    expect(JSON.parse(printed.pop() ?? '')).toMatchObject([
      { id: soon, state: 'SCHEDULED', level: 'CRITICAL', startsAt: from, endsAt: null, text: 'Soon' },
      { id: moved, state: 'CURRENT' },
    ]);
    const until = new Date(Date.now() + 7_200_000).toISOString();
    const change = (id: string, ...words: string[]) => run('change-announcement', id, ...words);
    expect(await change(soon, '--text', 'Later', '--level', 'warning', '--until', until)).toBe(0);
    expect(await run('announcements', '--json')).toBe(0);
    const changed = { id: soon, level: 'WARNING', startsAt: from, endsAt: until, text: 'Later' };
    expect(JSON.parse(printed.pop() ?? '')).toMatchObject([changed, { id: moved }]);
    const past = new Date(Date.now() - 3_600_000).toISOString();
    expect(await change(soon, '--until', 'never', '--from', past)).toBe(0);
    expect(await run('announcements', '--json')).toBe(0);
    const begun = { ...changed, state: 'CURRENT', startsAt: past, endsAt: null };
    expect(JSON.parse(printed.pop() ?? '')).toMatchObject([begun, { id: moved }]);
    for (const words of [[], ['--text', ''], ['--until', 'soon'], ['--until', past]])
      expect(await change(soon, ...words)).toBe(2);
    expect(await change('ada', '--text', 'x')).toBe(2);
    for (const id of [moved, moved]) expect(await run('end-announcement', id)).toBe(0);
    expect(await change(moved, '--text', 'x')).toBe(1);
    expect(await run('end-announcement', crypto.randomUUID())).toBe(1);
    expect(await run('end-announcement', 'ada')).toBe(2);
    expect(said).toEqual([
      'it is shown to everyone',
      expect.stringMatching(/^error: .*must be at most 366 days away/),
      `it will be shown from ${from} on`,
      'error: An announcement has 1 to 1000 characters',
      'error: "loud" is none of info, warning, critical',
      'error: "2026-01-31 22:00" is not a time with its offset, as 2026-01-31T22:00Z',
      'error: "2026-02-31T99:00Z" is not a time with its offset, as 2026-01-31T22:00Z',
      `it will be shown from ${from} on`,
      'it is shown to everyone',
      'error: Give --text, --level, --from or --until',
      'error: An announcement has 1 to 1000 characters',
      'error: "soon" is not a time with its offset, as 2026-01-31T22:00Z',
      expect.stringMatching(/^error: .*must be in the future/),
      'error: "ada" is not the id of an announcement; `announcements` shows them',
      'the announcement has ended',
      'the announcement has ended',
      'error: The announcement has ended',
      'error: Announcement not found',
      'error: "ada" is not the id of an announcement; `announcements` shows them',
    ]);
    const { rows } = await database.query(
      `SELECT action::text, details->>'by' AS by FROM audit_events WHERE action::text LIKE 'ANNOUNCEMENT%' ORDER BY id`,
    );
    const by = 'command line';
    expect(rows).toEqual(
      ['CREATED', 'CREATED', 'UPDATED', 'UPDATED', 'ENDED'].map((action) => ({ action: `ANNOUNCEMENT_${action}`, by })),
    );
  });

  it('correct-usage adds to the counts of the day, and gives back no more than was used', async () => {
    const user = await fixture.create();
    const correct = (...words: string[]) => run('correct-usage', user.id, ...words);
    expect(await correct('--messages', '3', '--tokens', '500', '--reason', 'an import')).toBe(0);
    expect(await correct('--tokens', '-200', '--reason', 'an outage')).toBe(0);
    expect(await correct('--tokens', '-301', '--reason', 'an outage')).toBe(1);
    for (const words of [
      ['--reason', 'x'],
      ['--tokens', 'x', '--reason', 'x'],
      ['--tokens', '1', '--reason', ' '],
    ])
      expect(await correct(...words)).toBe(2);
    const name = `${user.email ?? ''} (${user.id})`;
    expect(said).toEqual([
      `${name}: 3 messages and 500 tokens were added to what was used today`,
      `${name}: 0 messages and -200 tokens were added to what was used today`,
      'error: Less than that was used today',
      'error: Give --messages or --tokens, other than 0',
      'error: "x" is not a whole number of at most 1000000000',
      'error: A reason has 1 to 500 characters',
    ]);
    expect(await new UsageRepository(database).today(user.id)).toMatchObject({ messageCount: 3, tokenCount: 300 });
    expect(await eventsOf(user)).toMatchObject([
      { action: 'USAGE_CORRECTED', details: { messages: 3, tokens: 500, reason: 'an import', by: 'command line' } },
      { action: 'USAGE_CORRECTED', details: { messages: 0, tokens: -200, reason: 'an outage' } },
    ]);
  });

  it('promote and demote, by address in any case or by id, and say when there is nothing to do', async () => {
    const user = await fixture.create();
    expect(await run('promote', user.email?.toUpperCase() ?? '')).toBe(0);
    expect(await stateOf(user)).toMatchObject({ isAdmin: true });
    expect(await run('promote', user.id)).toBe(0);
    expect(said.at(-1)).toContain('is an admin already: nothing was changed');
    expect(await run('demote', user.id)).toBe(0);
    expect(asked).toEqual([`${user.email ?? ''} (${user.id}) will be no admin any more.`]);
    expect(await stateOf(user)).toMatchObject({ isAdmin: false });
    expect(await eventsOf(user)).toEqual([byOperator('ADMIN_GRANTED'), byOperator('ADMIN_REVOKED')]);
  });

  it('suspend ends every session, and reinstate lets the user in again', async () => {
    const { user, tokens } = await fixture.person();
    expect(await run('suspend', user.id)).toBe(0);
    expect(await stateOf(user)).toMatchObject({ isSuspended: true });
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow('Account disabled');
    expect(await run('reinstate', user.id)).toBe(0);
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow('Invalid token');
    await fixture.login(user);
    expect(await eventsOf(user)).toEqual([byOperator('USER_SUSPENDED'), byOperator('USER_REINSTATED')]);
  });

  it('delete and restore, by the address that the user had', async () => {
    const { user, tokens } = await fixture.person();
    expect(await run('delete', user.id)).toBe(0);
    expect(await stateOf(user)).toMatchObject({ isDeleted: true });
    expect(await run('promote', user.id)).toBe(1);
    expect(said.at(-1)).toMatch(/^error: there is no such user/);
    expect(await run('restore', user.email ?? '')).toBe(0);
    expect(await stateOf(user)).toMatchObject({ isDeleted: false });
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow('Invalid token');
    await fixture.login(user);
    expect(await run('restore', user.id)).toBe(0);
    expect(said.at(-1)).toContain('is not deleted: nothing was changed');
    expect(await eventsOf(user)).toEqual([byOperator('USER_DELETED'), byOperator('USER_RESTORED')]);
  });

  it('restore asks which one, where several deleted users had the address', async () => {
    const email = fixture.uniqueEmail();
    const users = [];
    for (let number = 0; number < 2; number++) {
      users.push(await fixture.create({ email }));
      await run('delete', email, '--yes');
    }
    expect(await run('restore', email)).toBe(1);
    for (const { id } of users) expect(said.at(-1)).toContain(id);
    expect(await run('restore', users[0]?.id ?? '')).toBe(0);
    expect(await run('restore', users[1]?.id ?? '')).toBe(1);
    expect(said.at(-1)).toBe('error: User already exists');
  });

  it('reset sets the password that was asked for, and ends every session', async () => {
    const { user, tokens } = await fixture.person();
    expect(await run('reset', user.id)).toBe(0);
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow('Invalid token');
    await expect(fixture.login(user, PASSWORD)).rejects.toThrow('Invalid credentials');
    await fixture.login(user, NEW_PASSWORD);
    expect(await run('reset', user.id, '--generate')).toBe(0);
    await fixture.login(user, printed[0]);
    expect(await eventsOf(user)).toMatchObject([
      byOperator('PASSWORD_CHANGED'),
      { action: 'LOGIN_FAILED' },
      byOperator('PASSWORD_CHANGED'),
    ]);
    expect(await run('reset', 'nobody@example.com')).toBe(1);
  });

  it('remove-second-factor lets a user who has lost it log in with the password alone', async () => {
    const { user } = await fixture.person();
    await database.query(`INSERT INTO second_factors (user_id, secret, enabled_at) VALUES ($1, '\\x00', now())`, [
      user.id,
    ]);
    await expect(fixture.login(user)).rejects.toThrow('Second factor required');
    expect(await run('remove-second-factor', user.id)).toBe(0);
    expect(asked).toEqual([`${user.email ?? ''} (${user.id}) will log in without a second factor.`]);
    await fixture.login(user);
    expect(await run('remove-second-factor', user.id)).toBe(0);
    expect(said.at(-1)).toContain('has no second factor: nothing was changed');
    expect(await eventsOf(user)).toEqual([byOperator('SECOND_FACTOR_DISABLED')]);
  });

  it('what takes something away changes nothing without a yes', async () => {
    const admin = (await fixture.admin()).user;
    answer = false;
    for (const command of ['demote', 'suspend', 'delete']) expect(await run(command, admin.id)).toBe(130);
    expect(said).toEqual(Array(3).fill('Canceled: nothing was changed'));
    answer = new UsageError('Nobody can be asked');
    expect(await run('suspend', admin.id)).toBe(2);
    expect(await stateOf(admin)).toEqual({ isAdmin: true, isSuspended: false, isDeleted: false });
    expect(await run('suspend', admin.id, '--yes')).toBe(0);
  });

  it('the last admin cannot be taken away', async () => {
    const { rows } = await database.query<{ id: string }>(
      'SELECT id FROM users WHERE is_admin AND NOT is_suspended AND is_active AND deleted_at IS NULL',
    );
    for (const { id } of rows) await run('demote', id, '--yes');
    const last = rows.at(-1)?.id ?? '';
    for (const command of ['demote', 'suspend', 'delete']) {
      expect(await run(command, last, '--yes')).toBe(1);
      expect(said.at(-1)).toBe('error: This is the last admin; make another user an admin first');
    }
  });

  it('list shows users and their state, and no character that a terminal obeys', async () => {
    const name = fixture.uniqueEmail('listed');
    const user = await fixture.create({ email: name });
    // An address from before such characters were refused.
    await database.query('UPDATE users SET email = $2 WHERE id = $1', [user.id, `\u001bc\u202e${name}`]);
    await fixture.accounts.update((await fixture.admin()).viewer, user.id, { isSuspended: true });
    expect(await run('list', name)).toBe(0);
    const [head, line, ...rest] = (printed[0] ?? '').split('\n');
    expect(head).toMatch(/^ADDRESS +ID +STATE +PLAN +CREATED +LAST LOGIN$/);
    expect(line).toContain(`\ufffdc\ufffd${name}  ${user.id}  suspended, unverified  free`);
    expect(rest).toEqual([]);
    expect(await run('list', name, '--json')).toBe(0);
    expect(JSON.parse(printed[1] ?? '')).toMatchObject([{ id: user.id, isSuspended: true, lastLogin: null }]);
  });

  it.each([
    [[], /Usage: npm run admin/],
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['promote'], /missing required argument 'user'/],
    [['create', 'a@example.com', 'hunter2'], /never an argument/],
    [['create', 'a@example.com', '--password', 'hunter2'], /never an argument/],
  ])('%j is a wrong command', async (words, explanation) => {
    expect(await run(...words)).toBe(2);
    expect(said.join('\n')).toMatch(explanation);
    expect(said.join('\n')).not.toContain('hunter2');
  });

  it('doctor fails when a part does, and shows no character that a terminal obeys', async () => {
    findings.push({ part: 'database', isFine: true, text: 'PostgreSQL' });
    expect(await run('doctor')).toBe(0);
    findings.push({ part: 'mail', isFine: false, text: 'ESOCKET\u001b[2J' });
    expect(await run('doctor')).toBe(1);
    expect(printed).toEqual([
      'ok      database            PostgreSQL',
      'ok      database            PostgreSQL',
      'FAILED  mail                ESOCKET\ufffd[2J',
    ]);
    expect(said).toEqual(['error: 1 part cannot be used']);
    expect(await run('config')).toBe(0);
    expect(printed.at(-1)).toBe('SETTING  FROM         VALUE\nPORT     environment  80\ufffd[2J');
  });

  it('help is no failure', async () => {
    expect(await run('--help')).toBe(0);
    expect(await run('help', 'create')).toBe(0);
    expect(printed.join('\n')).toContain('--no-admin');
  });
});
