import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '../../src/kernel/ids.js';
import { systemClock } from '../../src/kernel/clock.js';
import { textOf } from '../../src/features/chat/messages/message.js';
import { begunGeneration, type Generation, type Spent } from '../../src/features/chat/models/generation.js';
import { defaultPlans, PlanCatalogue } from '../../src/features/chat/plans/plan.js';
import { RepliesRepository } from '../../src/features/chat/replies/replies.repository.js';
import { failureOf, LEASE_SECONDS, replyContent } from '../../src/features/chat/replies/reply.js';
import type { Transcript } from '../../src/features/chat/messages/reply-transcript.js';
import type { Reservation } from '../../src/features/chat/usage/usage.js';
import { usageFeature } from '../../src/features/chat/usage/usage.feature.js';
import { AccountsFixture } from '../support/accounts.js';
import { testDatabases } from '../support/database.js';
import { randomFrom } from '../support/random.js';
import { emptyReply, FakeDatabase, type DatabaseConnection } from './fake-database.js';
import { Host, VirtualTime } from './virtual-time.js';

const LONGEST_SECONDS = 20;
const REQUEST = 'request-1';
const RESERVED = 500;
const SPENT: Spent = {
  model: 'fast',
  promptTokens: 7,
  cachedTokens: 2,
  completionTokens: 2,
  reasoningTokens: null,
  cost: '0.000012',
};
const GENERATION: Generation = {
  ...begunGeneration('fast', 'slow'),
  ...SPENT,
  model: 'fast',
  firstTextMs: 12,
  finishReason: 'STOP',
};

interface Rows extends DatabaseConnection {
  /** Stores a reply that has begun, and its reservation, whose lease ends after so many seconds. */
  begin(leaseSeconds?: number): Promise<{ readonly id: string; readonly reservation: Reservation }>;
  /** The tokens and messages of the day. */
  day(): Promise<{ readonly tokens: number; readonly messages: number }>;
  /** Whether a statement can run beside a transaction: not where there is one connection. */
  readonly hasConnections: boolean;
  close(): Promise<void>;
}

const fake = {
  name: 'the simulation',
  open: (): Promise<Rows> => {
    const time = new VirtualTime();
    const random = randomFrom(1);
    const database = new FakeDatabase(time, random, { least: 0, most: 1 });
    const host = new Host('0', time, random);
    const connection = database.connect(host);
    let isClosed = false;
    // Time passes as soon as something waits for it.
    const pass = () => {
      if (isClosed) return;
      void time.run(() => false).then(() => setImmediate(pass));
    };
    pass();
    return Promise.resolve({
      ...connection,
      begin: async (leaseSeconds = LEASE_SECONDS) => {
        const id = newId();
        const entryId = newId();
        await database.ask(
          {
            id: entryId,
            messageId: id,
            requestId: REQUEST,
            reservedTokens: RESERVED,
            promptTokens: 7,
            leaseExpiresAt: null,
            tokens: null,
            countsAsMessage: true,
            settlements: 0,
          },
          { ...emptyReply(id), replyToId: newId() },
          host,
          leaseSeconds,
        );
        return { id, reservation: { entryId, userId: 'user', date: 'day', tokens: RESERVED } };
      },
      day: () => Promise.resolve(database.day),
      hasConnections: true,
      close: () => {
        isClosed = true;
        return Promise.resolve();
      },
    });
  },
};

const real = testDatabases().map(({ name, open }) => ({
  name,
  open: async (): Promise<Rows> => {
    const database = await open();
    const { id: userId } = await new AccountsFixture(database).create();
    const conversationId = newId();
    await database.query('INSERT INTO conversations (id, user_id) VALUES ($1, $2)', [conversationId, userId]);
    const { service } = usageFeature({ database, plans: new PlanCatalogue(defaultPlans), clock: systemClock });
    return {
      database,
      replies: new RepliesRepository(database),
      usage: service,
      begin: async (leaseSeconds = LEASE_SECONDS) => {
        const [id, questionId, entryId] = [newId(), newId(), newId()];
        await database.query(
          `INSERT INTO messages (id, conversation_id, content, message_type, status, reply_to_id) VALUES
             ($1, $3, '{"text":"Why?"}', 'user', 'COMPLETE', NULL), ($2, $3, '{"text":""}', 'ai', 'STREAMING', $1)`,
          [questionId, id, conversationId],
        );
        const { rows } = await database.query<{ date: string }>(
          `INSERT INTO usage_daily AS u (id, user_id, date, message_count, token_count)
           VALUES ($1, $2, (now() AT TIME ZONE 'utc')::date, 1, $3)
           ON CONFLICT (user_id, date) DO UPDATE SET message_count = u.message_count + 1, token_count = u.token_count + $3
           RETURNING date::text AS date`,
          [newId(), userId, RESERVED],
        );
        const date = rows[0]?.date ?? '';
        await database.query(
          `INSERT INTO usage_entries
             (id, user_id, date, kind, reserved_tokens, prompt_tokens, message_id, lease_expires_at, request_id)
           VALUES ($1, $2, $3::date, 'REPLY', $4, 7, $5, now() + make_interval(secs => $6), $7)`,
          [entryId, userId, date, RESERVED, id, leaseSeconds, REQUEST],
        );
        return { id, reservation: { entryId, userId, date, tokens: RESERVED } };
      },
      day: async () => {
        const { rows } = await database.query<{ tokens: number; messages: number }>(
          'SELECT token_count AS tokens, message_count AS messages FROM usage_daily',
        );
        return rows[0] ?? { tokens: 0, messages: 0 };
      },
      hasConnections: name === 'postgres',
      close: () => database.drop(),
    };
  },
}));

const NOTHING_OPEN = { hasLeases: false, hasExpired: false, hasWaiting: false };

/** What the simulation takes for granted of the statements, on it and on real databases. */
describe.each([fake, ...real])('the rows of replies, in $name', ({ open }) => {
  let rows: Rows;
  beforeAll(async () => {
    rows = await open();
  });
  afterAll(() => rows.close());

  const thought = { type: 'reasoning', text: 'Well', ends: [4] } as const;
  const parts = [thought, { type: 'text', deltas: 2 }] as const;
  const hello: Transcript = { text: 'Hello', deltaEnds: [2, 5], parts };
  const end = {
    status: 'COMPLETE',
    transcript: hello,
    endsGiven: [3],
    tokens: 9,
    failure: null,
    generation: GENERATION,
  } as const;
  const expiredIds = async (except: readonly string[] = []) =>
    (await rows.usage.expiredLeases(except, LONGEST_SECONDS)).map(({ entryId }) => entryId);

  it('are open until they are settled, and while they wait', async () => {
    expect(await rows.replies.lookForOpen(LONGEST_SECONDS)).toEqual(NOTHING_OPEN);
    const { id, reservation } = await rows.begin();
    expect(await rows.replies.lookForOpen(LONGEST_SECONDS)).toEqual({ ...NOTHING_OPEN, hasLeases: true });
    const settlement = { tokens: 7, source: 'ESTIMATED', spent: SPENT, countsAsMessage: true } as const;
    const pause = { transcript: hello, tokens: 7, generation: GENERATION, seconds: 60 };
    await rows.database.transaction((sql) => rows.usage.settle(sql, reservation, settlement));
    await rows.database.transaction((sql) => rows.replies.pause(sql, id, pause));
    expect(await rows.replies.lookForOpen(LONGEST_SECONDS)).toEqual({ ...NOTHING_OPEN, hasWaiting: true });
    await rows.database.transaction((sql) => rows.replies.finish(sql, id, end));
    expect(await rows.replies.lookForOpen(LONGEST_SECONDS)).toEqual(NOTHING_OPEN);
  });

  it.each([
    ['has run out', -1],
    ['was given by another clock', 3_600],
  ])('may be abandoned where a lease %s, until it is renewed', async (_, seconds) => {
    const { reservation } = await rows.begin(seconds);
    expect(await rows.replies.lookForOpen(LONGEST_SECONDS)).toMatchObject({ hasLeases: true, hasExpired: true });
    await rows.usage.renewLeases([reservation.entryId], LEASE_SECONDS);
    expect(await rows.replies.lookForOpen(LONGEST_SECONDS)).toMatchObject({ hasLeases: true, hasExpired: false });
  });

  it('keep the longer text, whatever checkpoint comes last', async () => {
    const { id } = await rows.begin();
    const early: Transcript = { text: 'He', deltaEnds: [2], parts: [thought, { type: 'text', deltas: 1 }] };
    const later: Transcript = { text: 'Hello!', deltaEnds: [2, 5, 6], parts: [thought, { type: 'text', deltas: 3 }] };
    expect(await rows.replies.checkpoint(id, hello)).toBe(true);
    expect(await rows.replies.checkpoint(id, early)).toBe(true);
    expect(await rows.replies.find(id)).toMatchObject({ content: replyContent('Hello'), deltaEnds: [2, 5], parts });
    expect(await rows.replies.checkpoint(id, later)).toBe(true);
    expect(await rows.replies.find(id)).toMatchObject({ content: replyContent('Hello!'), deltaEnds: [2, 5, 6] });
    // No longer text, but one more event.
    const more = [...(later.parts ?? []), thought];
    expect(await rows.replies.checkpoint(id, { ...later, parts: more })).toBe(true);
    expect(await rows.replies.checkpoint(id, later)).toBe(true);
    expect(await rows.replies.find(id)).toMatchObject({ parts: more });
  });

  it('are stored together, apart from those that have ended or are locked', async () => {
    const [one, other, ended, locked] = [
      await rows.begin(),
      await rows.begin(),
      await rows.begin(),
      await rows.begin(),
    ];
    const plain: Transcript = { text: 'A "quoted" \\ {text}, NULL', deltaEnds: [3, 25], parts: null };
    await rows.database.transaction((sql) => rows.replies.finish(sql, ended.id, end));
    expect(await rows.replies.checkpoint(other.id, hello)).toBe(true);
    const store = () =>
      rows.replies.checkpointAll([
        { id: one.id, transcript: plain },
        { id: other.id, transcript: { text: 'He', deltaEnds: [2], parts: null } },
        { id: ended.id, transcript: plain },
        { id: locked.id, transcript: plain },
      ]);
    if (rows.hasConnections) {
      const [isLocked, isStored] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
      const holding = rows.database.transaction(async (sql) => {
        await rows.replies.findForUpdate(sql, locked.id);
        isLocked.resolve(undefined);
        await isStored.promise;
      });
      await isLocked.promise;
      expect(await store()).toEqual(new Set([one.id, other.id]));
      isStored.resolve(undefined);
      await holding;
    }
    expect(await store()).toEqual(new Set([one.id, other.id, locked.id]));
    expect(await rows.replies.find(one.id)).toMatchObject({
      content: replyContent(plain.text),
      deltaEnds: [3, 25],
      parts: null,
    });
    expect(await rows.replies.find(other.id)).toMatchObject({
      content: replyContent('Hello'),
      deltaEnds: [2, 5],
      parts,
    });
    expect(await rows.replies.find(ended.id)).toMatchObject({ status: 'COMPLETE', content: replyContent('Hello') });
  });

  it('end once, and take no checkpoint after that', async () => {
    const { id } = await rows.begin();
    expect(await rows.database.transaction((sql) => rows.replies.finish(sql, id, end))).toBe(true);
    const late: Transcript = { text: 'Later than that', deltaEnds: [15], parts: null };
    expect(await rows.database.transaction((sql) => rows.replies.finish(sql, id, { ...end, transcript: late }))).toBe(
      false,
    );
    expect(await rows.replies.checkpoint(id, late)).toBe(false);
    expect(await rows.replies.find(id)).toMatchObject({
      content: replyContent('Hello'),
      parts,
      status: 'COMPLETE',
      tokens: 9,
      generation: GENERATION,
    });
    await rows.replies.giveEnd(id, 8);
    await rows.replies.giveEnd(id, 3);
    expect(await rows.replies.find(id)).toMatchObject({ endsGiven: [8, 3] });
  });

  it('say which replies must stop', async () => {
    const [one, other, removed] = [await rows.begin(), await rows.begin(), await rows.begin()];
    await rows.replies.requestStop(other.id);
    const gone = await rows.database.transaction((sql) => rows.replies.remove(sql, [removed.id]));
    expect(gone).toEqual([removed.id]);
    const stops = await rows.replies.findStops([one.id, other.id, removed.id]);
    expect([...stops]).toEqual(
      expect.arrayContaining([
        [other.id, failureOf('STOPPED')],
        [removed.id, failureOf('DELETED')],
      ]),
    );
    expect(stops.size).toBe(2);
    expect(await rows.replies.find(removed.id)).toBeNull();
    expect(await rows.replies.checkpoint(removed.id, hello)).toBe(false);
  });

  it('are settled once, and raised to no less', async () => {
    const before = await rows.day();
    const { reservation } = await rows.begin();
    const settle = (tokens: number) =>
      rows.database.transaction((sql) =>
        rows.usage.settle(sql, reservation, { tokens, source: 'ESTIMATED', spent: SPENT, countsAsMessage: true }),
      );
    expect(await rows.usage.findSettled(reservation.entryId)).toBeNull();
    await rows.usage.raise(reservation, { tokens: 700, spent: SPENT });
    expect(await settle(20)).toBe(true);
    expect(await settle(30)).toBe(false);
    expect(await rows.usage.findSettled(reservation.entryId)).toEqual({ tokens: 20 });
    await rows.usage.raise(reservation, { tokens: 10, spent: SPENT });
    await rows.usage.raise(reservation, { tokens: 45, spent: SPENT });
    expect(await rows.usage.findSettled(reservation.entryId)).toEqual({ tokens: 45 });
    expect(await rows.day()).toEqual({ tokens: before.tokens + 45, messages: before.messages + 1 });
    expect(await rows.usage.renewLeases([reservation.entryId], LEASE_SECONDS)).toEqual([]);
  });

  it('give a message back that nothing came of, and nothing of a transaction that fails', async () => {
    const before = await rows.day();
    const { id, reservation } = await rows.begin();
    const settlement = { tokens: 7, source: 'ESTIMATED', spent: SPENT, countsAsMessage: false } as const;
    const failed = rows.database.transaction(async (sql) => {
      await rows.usage.settle(sql, reservation, settlement);
      await rows.replies.finish(sql, id, end);
      throw new Error('on purpose');
    });
    await expect(failed).rejects.toThrow('on purpose');
    expect(await rows.replies.find(id)).toMatchObject({ status: 'STREAMING' });
    expect(await rows.usage.findSettled(reservation.entryId)).toBeNull();
    await rows.database.transaction((sql) => rows.usage.settle(sql, reservation, settlement));
    expect(await rows.day()).toEqual({ tokens: before.tokens + 7, messages: before.messages });
  });

  it('have leases that run out, or were given by another clock', async () => {
    const [fresh, past, future, own] = [
      await rows.begin(),
      await rows.begin(-1),
      await rows.begin(3_600),
      await rows.begin(-1),
    ].map(({ reservation }) => reservation.entryId);
    const seen = await expiredIds([own ?? '']);
    expect(seen).toEqual(expect.arrayContaining([past, future]));
    expect(seen).not.toContain(fresh);
    expect(seen).not.toContain(own);
    const ids = [past, future, own].flatMap((id) => id ?? []);
    expect(await rows.usage.renewLeases(ids, LEASE_SECONDS)).toHaveLength(3);
    expect(await expiredIds()).toEqual(expect.not.arrayContaining(ids));
  });

  it('are locked by one recovery, if the lease is still the one that ran out', async () => {
    const [{ id, reservation }, renewed] = [await rows.begin(-1), await rows.begin(-1)];
    const leases = await rows.usage.expiredLeases([], LONGEST_SECONDS);
    const leaseOf = (entryId: string) => leases.filter((lease) => lease.entryId === entryId);
    await rows.usage.renewLeases([renewed.reservation.entryId], LEASE_SECONDS);
    await rows.database.transaction(async (sql) => {
      for (const lease of leaseOf(renewed.reservation.entryId))
        expect(await rows.usage.lockExpired(sql, lease)).toBeNull();
      for (const lease of leaseOf(reservation.entryId)) {
        expect(await rows.usage.lockExpired(sql, lease)).toEqual({
          ...reservation,
          promptTokens: 7,
          messageId: id,
          model: null,
        });
      }
      expect(textOf((await rows.replies.findForUpdate(sql, id)) ?? { content: {} })).toBe('');
    });
    expect(leaseOf(reservation.entryId)).toEqual([
      { entryId: reservation.entryId, messageId: id, requestId: REQUEST, lease: expect.any(String) as unknown },
    ]);
    expect(leaseOf(renewed.reservation.entryId)).toHaveLength(1);
  });
});
