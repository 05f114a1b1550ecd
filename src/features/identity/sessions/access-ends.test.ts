import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabases } from '../../../../test/support/database.js';
import { newId } from '../../../kernel/ids.js';
import type { Sql } from '../../../ports/database.js';
import { AccessEnds } from './access-ends.js';
import { SessionsRepository } from './sessions.repository.js';

const FUTURE = new Date('2100-01-01T00:00:00Z');
const SOONER = new Date('2090-01-01T00:00:00Z');

type Holder = Readonly<Record<'sessionId' | 'tokenId' | 'userId', string>>;

describe.each(testDatabases())('ends of access ($name)', ({ name, open }) => {
  let database: Awaited<ReturnType<typeof open>>;
  let repository: SessionsRepository;
  beforeAll(async () => {
    database = await open();
    repository = new SessionsRepository(database);
  });
  afterAll(() => database.drop());
  // As long as a transaction of another database of the server is open, those of the test before are told again.
  beforeEach(() => database.query('DELETE FROM access_ends'));

  const make = async (): Promise<Holder> => {
    const [userId, sessionId, tokenId] = [newId(), newId(), newId()];
    await database.query(`INSERT INTO users (id, provider, plan) VALUES ($1, 'local', 'free')`, [userId]);
    await database.query(
      `INSERT INTO sessions (id, user_id, refresh_token_hash, expires_at)
       VALUES ($1, $2, sha256(convert_to($1::uuid::text, 'UTF8')), $3)`,
      [sessionId, userId, FUTURE],
    );
    await database.query(
      `INSERT INTO personal_access_tokens (id, user_id, name, token_hash, last_four, scopes, created_at, expires_at)
       VALUES ($1, $2, 'script', sha256(convert_to($1::uuid::text, 'UTF8')), 'abcd', '{}', now(), $3)`,
      [tokenId, userId, FUTURE],
    );
    return { userId, sessionId, tokenId };
  };

  /** One that has looked until now, as if all connections of the pool were one. */
  const looking = async (): Promise<AccessEnds> => {
    const ends = new AccessEnds({
      endsSince: async (mark, most) => ({ ...(await repository.endsSince(mark, most)), backend: '1' }),
    });
    await ends.sinceLast();
    return ends;
  };
  /** Those of the holders; transactions of other databases of the server may have an end told again. */
  const told = async (ends: AccessEnds, ...holders: readonly Holder[]) => {
    const ids = await ends.sinceLast();
    return ids === undefined ? ['any'] : holders.flatMap((holder) => Object.values(holder)).filter((id) => ids.has(id));
  };
  const end = (sql: Sql, { sessionId }: Holder) =>
    sql.query('UPDATE sessions SET revoked_at = now() WHERE id = $1', [sessionId]);

  const acts: Readonly<Record<string, readonly [string, (keyof Holder)[]]>> = {
    'a logout': ['UPDATE sessions SET revoked_at = now() WHERE id = $2', ['sessionId']],
    'a session that is to expire sooner': [
      `UPDATE sessions SET expires_at = '${SOONER.toISOString()}' WHERE id = $2`,
      ['sessionId'],
    ],
    'a deleted session': ['DELETE FROM sessions WHERE id = $2', ['sessionId']],
    'a suspension': ['UPDATE users SET is_suspended = true WHERE id = $1', ['userId']],
    'a disabled user': ['UPDATE users SET is_active = false WHERE id = $1', ['userId']],
    'a deleted account': ['UPDATE users SET deleted_at = now() WHERE id = $1', ['userId']],
    'a user who is gone': ['DELETE FROM users WHERE id = $1', ['userId', 'sessionId', 'tokenId']],
    'a revoked token': ['DELETE FROM personal_access_tokens WHERE id = $3', ['tokenId']],
    'a token that is to expire sooner': [
      `UPDATE personal_access_tokens SET expires_at = '${SOONER.toISOString()}' WHERE id = $3`,
      ['tokenId'],
    ],
    'a refresh': [
      `UPDATE sessions SET expires_at = expires_at + interval '1 day', last_used_at = now() WHERE id = $2`,
      [],
    ],
    'a login': ['UPDATE users SET last_login = now() WHERE id = $1', []],
    'a change of a profile': [`UPDATE users SET profile = '{"name": "Ada"}', updated_at = now() WHERE id = $1`, []],
    'the use of a token': ['UPDATE personal_access_tokens SET last_used_at = now() WHERE id = $3', []],
  };

  it.each(Object.entries(acts))('are told for %s, on each instance', async (_, [statement, whose]) => {
    const [holder, other, first, second] = [await make(), await make(), await looking(), await looking()];
    const { userId, sessionId, tokenId } = holder;
    await database.query(
      `WITH ids AS (SELECT $1::uuid, $2::uuid, $3::uuid), act AS (${statement} RETURNING 1) SELECT FROM ids, act`,
      [userId, sessionId, tokenId],
    );
    const expected = Object.entries(holder).flatMap(([name, id]) => (whose.includes(name as keyof Holder) ? [id] : []));
    for (const instance of [first, second]) expect(await told(instance, holder, other)).toEqual(expected);
  });

  it('are told of an emptied table as those of any', async () => {
    const ends = await looking();
    await database.query('TRUNCATE personal_access_tokens');
    expect(await told(ends)).toEqual(['any']);
  });

  it('may be any at first, and after what was told was not acted on', async () => {
    const ends = await looking();
    ends.forget();
    expect(await told(ends)).toEqual(['any']);
    expect(await told(new AccessEnds(repository))).toEqual(['any']);
  });

  // The embedded database has one connection: nobody looks while a transaction is open.
  const withTwo = name === 'embedded' ? it.skip : it;
  withTwo('are told when they are committed, however late, among those of others', async () => {
    const [late, other, another, ends] = [await make(), await make(), await make(), await looking()];
    const [begun, committed] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const transaction = database.transaction(async (sql) => {
      await end(sql, late);
      begun.resolve(undefined);
      await committed.promise;
    });
    await begun.promise;
    try {
      await end(database, other);
      // Told again as long as a transaction of before is open: what that ends is behind the same mark.
      for (let look = 0; look < 3; look += 1) expect(await told(ends, late, other)).toEqual([other.sessionId]);
    } finally {
      committed.resolve(undefined);
      await transaction;
    }
    await end(database, another);
    const all = [late, other, another];
    expect(await told(ends, ...all)).toEqual(all.map(({ sessionId }) => sessionId));
  });

  it('are forgotten once every instance has had time to see them', async () => {
    const [ends, old, latest, foreign] = [await looking(), await make(), await make(), await make()];
    const kept = async (...holders: readonly Holder[]) => {
      const { rows } = await database.query<{ id: string }>('SELECT id FROM access_ends');
      return holders.filter(({ sessionId }) => rows.some(({ id }) => id === sessionId));
    };
    await end(database, old);
    const last = await database.query<{ mark: string }>('SELECT max(transaction_id)::text AS mark FROM access_ends');
    // As long as a transaction of before is open, in whichever database of the server, the mark stays behind it.
    let mark = '0';
    while (BigInt(mark) <= BigInt(last.rows[0]?.mark ?? '')) mark = await repository.sweepEnds(null);
    await end(database, latest);
    expect(await told(ends, old, latest)).toEqual([old.sessionId, latest.sessionId]);
    // As copied from another server, whose transactions had higher numbers.
    await database.query('INSERT INTO access_ends (transaction_id, id) VALUES (1e15, $1)', [foreign.sessionId]);
    expect(await told(ends, foreign)).toEqual([]);
    expect(await kept(old, latest, foreign)).toEqual([old, latest, foreign]);
    await repository.sweepEnds(mark);
    expect(await kept(old, latest, foreign)).toEqual([latest]);
  });
});
