import { scheduler } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabases, type TestDatabase } from '../../../test/support/database.js';
import { statementsOf } from '../../../test/support/growth.js';
import { Unavailable } from '../../kernel/errors.js';
import { newId } from '../../kernel/ids.js';
import type { ListsStatement, Sql } from '../../ports/database.js';

describe.each(testDatabases())('the $name database', ({ name, openHere: open }) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await open();
    await database.query(
      'CREATE TABLE sample (id uuid PRIMARY KEY, moment timestamptz, day date, numbers int[], document jsonb, label text)',
    );
  });
  afterAll(() => database.drop());

  const insert = (sql: Sql, id: string) => sql.query('INSERT INTO sample (id) VALUES ($1)', [id], 'sample_insert');
  const insertUser = (sql: Sql, id: string) =>
    sql.query(`INSERT INTO users (id, provider, plan) VALUES ($1, 'local', 'free')`, [id]);
  const count = async (...ids: string[]) => {
    const { rows } = await database.query<{ n: number }>('SELECT count(*) AS n FROM sample WHERE id = ANY($1)', [ids]);
    return rows[0]?.n;
  };

  it('has the plan of a statement made once, for any values', async () => {
    const find = () => database.query('SELECT id FROM sample WHERE id = ANY($1::uuid[])', [[newId()]], 'sample_find');
    for (let time = 0; time < 8; time++) await find();
    const { rows } = await database.query<{ once: number; anew: number }>(
      `SELECT generic_plans AS once, custom_plans AS anew FROM pg_prepared_statements WHERE name = 'sample_find'`,
    );
    expect(rows).toEqual([{ once: 8, anew: 0 }]);
  });

  describe('in a transaction', () => {
    it('keeps everything when the work is done', async () => {
      const [one, two] = [newId(), newId()];
      const result = await database.transaction(async (sql) => {
        await insert(sql, one);
        await insert(sql, two);
        return 'done';
      });
      expect(result).toBe('done');
      expect(await count(one, two)).toBe(2);
    });

    it('keeps nothing when the work throws, and throws that error', async () => {
      const id = newId();
      const failure = new Error('changed my mind');
      const work = database.transaction(async (sql) => {
        await insert(sql, id);
        throw failure;
      });
      await expect(work).rejects.toBe(failure);
      expect(await count(id)).toBe(0);
    });

    it.each([
      ['SQL', (sql: Sql, id: string) => scheduler.yield().then(() => insertUser(sql, id))],
      [
        'Prisma',
        (sql: Sql, id: string) => sql.prisma.user.createMany({ data: { id, provider: 'local', plan: 'free' } }),
      ],
    ])('keeps nothing of what comes by %s when the work has thrown already', async (_, write) => {
      const id = newId();
      const failure = new Error('changed my mind');
      let late: Promise<unknown> = Promise.resolve();
      const work = database.transaction((sql) => {
        late = write(sql, id);
        return Promise.all([late, Promise.reject(failure)]);
      });
      await expect(work).rejects.toBe(failure);
      await Promise.allSettled([late]);
      expect(await database.prisma.user.count({ where: { id } })).toBe(0);
    });

    it('keeps nothing when a statement fails, and serves on', async () => {
      const [one, two] = [newId(), newId()];
      const work = database.transaction(async (sql) => {
        await insert(sql, one);
        await insert(sql, one);
        await insert(sql, two);
      });
      await expect(work).rejects.toMatchObject({ code: '23505' });
      expect(await count(one, two)).toBe(0);
    });

    it('throws when the work goes on after a failed statement, as if it had been kept', async () => {
      const [one, two] = [newId(), newId()];
      const work = database.transaction(async (sql) => {
        await insert(sql, one);
        await insert(sql, one).catch(() => undefined);
        await insert(sql, two).catch(() => undefined);
      });
      await expect(work).rejects.toThrow('The transaction was rolled back');
      expect(await count(one, two)).toBe(0);
    });

    it('runs statements given at once one after another', async () => {
      const ids = Array.from({ length: 20 }, () => newId());
      await database.transaction((sql) => Promise.all(ids.map((id) => insert(sql, id))));
      expect(await count(...ids)).toBe(20);
    });

    it('refuses the use of the whole database, which would wait for itself', async () => {
      const refusal = 'Inside a transaction, use the Sql that transaction() gave';
      const outer: (() => Promise<unknown>)[] = [
        () => database.query('SELECT 1'),
        () => database.transaction((sql) => sql.query('SELECT 1')),
        () => database.prisma.user.count(),
        () => database.prisma.$transaction([database.prisma.user.count()]),
        () => database.ping(),
      ];
      for (const use of outer) await expect(database.transaction(use)).rejects.toThrow(refusal);
      await expect(database.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
    });

    it('lets work that it started use the whole database after its end', async () => {
      let afterwards: Promise<number> | undefined;
      let end: (() => void) | undefined;
      const ended = new Promise<void>((resolve) => (end = resolve));
      await database.transaction(async (sql) => {
        afterwards = ended.then(() => database.prisma.user.count());
        await sql.query('SELECT 1');
      });
      end?.();
      await expect(afterwards).resolves.toBe(0);
    });

    it('sees in Prisma what SQL has written, and keeps or takes back both together', async () => {
      const [kept, taken] = [newId(), newId()];
      const write = async (sql: Sql, id: string) => {
        await insertUser(sql, id);
        await sql.prisma.usageEntry.create({ data: { userId: id, date: new Date(), kind: 'CHAT', reservedTokens: 1 } });
        const { rows } = await sql.query('SELECT 1 FROM usage_entries WHERE user_id = $1', [id]);
        return [rows.length, await sql.prisma.user.count({ where: { id } })];
      };
      expect(await database.transaction((sql) => write(sql, kept))).toEqual([1, 1]);
      const failure = new Error('changed my mind');
      const work = database.transaction(async (sql) => {
        await write(sql, taken);
        throw failure;
      });
      await expect(work).rejects.toBe(failure);
      expect(await database.prisma.user.count({ where: { id: { in: [kept, taken] } } })).toBe(1);
    });

    it('runs Prisma and SQL given at once one after another', async () => {
      const ids = Array.from({ length: 20 }, () => newId());
      await database.transaction((sql) =>
        Promise.all(
          ids.flatMap((id) => [
            insert(sql, id),
            sql.prisma.user.create({ data: { id, provider: 'local', plan: 'free' }, select: { id: true } }),
          ]),
        ),
      );
      expect(await count(...ids)).toBe(20);
      expect(await database.prisma.user.count({ where: { id: { in: ids } } })).toBe(20);
    });

    it('keeps transactions at once apart, Prisma in each', async () => {
      const ids = Array.from({ length: 20 }, () => newId());
      const seen = await Promise.all(
        ids.map((id) =>
          database.transaction(async (sql) => {
            await sql.prisma.user.create({ data: { id, provider: 'local', plan: 'free' }, select: { id: true } });
            const found = await sql.prisma.user.findUnique({ where: { id }, select: { id: true } });
            await sql.query('DELETE FROM users WHERE id = $1', [id]);
            return found?.id;
          }),
        ),
      );
      expect(seen).toEqual(ids);
    });

    it('keeps nothing when a statement of Prisma fails, tells a duplicate as Prisma does, and serves on', async () => {
      const [one, two] = [newId(), newId()];
      const data = { id: two, provider: 'local', plan: 'free' };
      const work = database.transaction(async (sql) => {
        await insert(sql, one);
        await sql.prisma.user.create({ data });
        await sql.prisma.user.create({ data });
      });
      await expect(work).rejects.toMatchObject({ code: 'P2002' });
      expect(await count(one)).toBe(0);
      expect(await database.prisma.user.count({ where: { id: two } })).toBe(0);
    });

    it('takes no more of Prisma after its end, whether it began or not', async () => {
      const unused = await database.transaction((sql) => Promise.resolve(sql));
      await expect(unused.prisma.user.count()).rejects.toThrow();
      const used = await database.transaction(async (sql) => {
        await sql.prisma.user.count();
        return sql;
      });
      await expect(used.prisma.user.count()).rejects.toThrow();
    });

    it('takes no more statements after its end', async () => {
      const kept = await database.transaction((sql) => Promise.resolve(sql));
      await expect(kept.query('SELECT 1')).rejects.toThrow('has ended');
    });

    it('reads what others have committed meanwhile', async () => {
      const { rows } = await database.transaction((sql) =>
        sql.query<{ level: string }>(`SELECT current_setting('transaction_isolation') AS level`),
      );
      expect(rows).toEqual([{ level: 'read committed' }]);
    });
  });

  describe('in an act', () => {
    const nothing = () => Promise.resolve();

    it('keeps all that was changed, by whichever method, with what seals it', async () => {
      const ids = Array.from({ length: 4 }, () => newId());
      const [one = '', two = '', three = '', four = ''] = ids;
      const seen = await database.act(
        async () => {
          await insert(database, one);
          await database.transaction((sql) => insert(sql, two));
          await database.prisma.user.create({ data: { id: three, provider: 'local', plan: 'free' } });
          const { rows } = await database.query<{ n: number }>('SELECT count(*) AS n FROM sample WHERE id = ANY($1)', [
            ids,
          ]);
          return [rows[0]?.n, await database.prisma.user.count({ where: { id: three } })];
        },
        async (sql, result) => {
          expect(result).toEqual([2, 1]);
          await insert(sql, four);
        },
      );
      expect(seen).toEqual([2, 1]);
      expect(await count(...ids)).toBe(3);
      expect(await database.prisma.user.count({ where: { id: three } })).toBe(1);
    });

    it.each(['the work', 'the seal'])('keeps nothing when %s throws', async (who) => {
      const ids = [newId(), newId()] as const;
      const failure = new Error('changed my mind');
      const heard: string[] = [];
      const act = database.act(
        async () => {
          await insert(database, ids[0]);
          await database.transaction((sql) => insert(sql, ids[1]));
          database.afterCommit(
            () => heard.push('committed'),
            () => heard.push('rolled back'),
          );
          if (who === 'the work') throw failure;
        },
        () => Promise.reject(failure),
      );
      await expect(act).rejects.toBe(failure);
      expect(await count(...ids)).toBe(0);
      expect(heard).toEqual(['rolled back']);
    });

    it('goes on after a statement or a transaction that fails, of which nothing is left', async () => {
      const [one, two, three] = [newId(), newId(), newId()];
      await database.act(async () => {
        await insert(database, one);
        await expect(insert(database, one)).rejects.toThrow(/duplicate key/);
        const failure = new Error('not this');
        const failing = database.transaction(async (sql) => {
          await insert(sql, two);
          throw failure;
        });
        await expect(failing).rejects.toBe(failure);
        const taken = { id: one, provider: 'local', plan: 'free' };
        await database.prisma.user.create({ data: taken });
        await expect(database.prisma.user.create({ data: taken })).rejects.toThrow();
        await insert(database, three);
      }, nothing);
      expect(await count(one, two, three)).toBe(2);
    });

    it('does changes that come at once one after the other', async () => {
      const ids = Array.from({ length: 6 }, () => newId());
      const change = (id: string, index: number) =>
        index % 2 === 0 ? insert(database, id) : database.transaction((sql) => insert(sql, id));
      await database.act(() => Promise.all(ids.map(change)), nothing);
      expect(await count(...ids)).toBe(6);
    });

    it('tells of itself when others can see it, and what comes later is no part of it', async () => {
      const [one, two] = [newId(), newId()];
      const told = Promise.withResolvers<number | undefined>();
      let late: Promise<unknown> = Promise.resolve();
      await database.act(async () => {
        await insert(database, one);
        database.afterCommit(() => {
          told.resolve(count(one));
          late = insert(database, two);
        });
      }, nothing);
      expect(await told.promise).toBe(1);
      await late;
      expect(await count(two)).toBe(1);
    });

    it('begins with its first change, and what counts in any case may be beside it until then', async () => {
      const [counted, one] = [newId(), newId()];
      const failure = new Error('refused');
      const act = database.act(async () => {
        await database.query('SELECT 1');
        await database.beside(() => insert(database, counted));
        await insert(database, one);
        throw failure;
      }, nothing);
      await expect(act).rejects.toBe(failure);
      expect(await count(counted)).toBe(1);
      expect(await count(one)).toBe(0);
    });

    it('refuses the database inside one of its transactions, and an act inside an act', async () => {
      const inside = database.act(() => database.transaction(() => database.query('SELECT 1')), nothing);
      await expect(inside).rejects.toThrow(/use the Sql/);
      await expect(database.act(() => database.act(nothing, nothing), nothing)).rejects.toThrow(/not part of another/);
    });
  });

  describe('under load', () => {
    it('answers 200 queries at once, by SQL and by Prisma', async () => {
      const user = await database.prisma.user.create({ data: { provider: 'local', passwordHash: '-', plan: 'free' } });
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_, number) => {
          if (number % 2 === 0) return (await database.prisma.user.findUnique({ where: { id: user.id } }))?.id;
          const { rows } = await database.query<{ id: string }>('SELECT id FROM users WHERE id = $1', [user.id], 'one');
          return rows[0]?.id;
        }),
      );
      expect(new Set(answers)).toEqual(new Set([user.id]));
    });

    it('loses no update of 50 transactions at once', async () => {
      const id = newId();
      await database.query('INSERT INTO sample (id, numbers) VALUES ($1, $2)', [id, [0]]);
      await Promise.all(
        Array.from({ length: 50 }, () =>
          database.transaction(async (sql) => {
            const { rows } = await sql.query<{ numbers: number[] }>(
              'SELECT numbers FROM sample WHERE id = $1 FOR UPDATE',
              [id],
            );
            await sql.query('UPDATE sample SET numbers = $2 WHERE id = $1', [id, [(rows[0]?.numbers[0] ?? 0) + 1]]);
          }),
        ),
      );
      const { rows } = await database.query<{ numbers: number[] }>('SELECT numbers FROM sample WHERE id = $1', [id]);
      expect(rows[0]?.numbers).toEqual([50]);
    });

    it('lets other work of the process have its turn', async () => {
      let turns = 0;
      let busy = true;
      const takeTurn = () => {
        turns++;
        if (busy) setImmediate(takeTurn);
      };
      setImmediate(takeTurn);
      await Promise.all(Array.from({ length: 100 }, () => database.query('SELECT 1', [], 'turn')));
      busy = false;
      expect(turns).toBeGreaterThan(name === 'embedded' ? 99 : 1);
    });
  });

  describe('after a failed statement', () => {
    it('serves on, by SQL', async () => {
      for (let time = 0; time < 3; time++) {
        await expect(database.query('SELECT nothing', [], 'wrong')).rejects.toMatchObject({ code: '42703' });
      }
      const { rows } = await database.query<{ one: number }>('SELECT $1::int AS one', [1], 'right');
      expect(rows).toEqual([{ one: 1 }]);
    });

    it('tells a duplicate as Prisma does, and serves on', async () => {
      const id = newId();
      const data = { id, provider: 'local', passwordHash: '-', plan: 'free' };
      await database.prisma.user.create({ data });
      await expect(database.prisma.user.create({ data })).rejects.toMatchObject({ code: 'P2002' });
      await expect(database.prisma.user.count({ where: { id } })).resolves.toBe(1);
    });

    it('takes back a transaction of Prisma, and serves on', async () => {
      const id = newId();
      const data = { id, provider: 'local', passwordHash: '-', plan: 'free' };
      const work = database.prisma.$transaction(async (transaction) => {
        await transaction.user.create({ data });
        await transaction.user.create({ data });
      });
      await expect(work).rejects.toMatchObject({ code: 'P2002' });
      await expect(database.prisma.user.count({ where: { id } })).resolves.toBe(0);
    });
  });

  describe('with lists of owners', () => {
    interface Item {
      readonly owner: string;
      readonly label: string;
    }
    const LISTS: ListsStatement<Item> = {
      text: `SELECT owner.id AS owner, item.label FROM unnest($1::uuid[]) AS owner (id) CROSS JOIN LATERAL (
         SELECT label FROM item WHERE owner_id = owner.id AND label > $3 ORDER BY label LIMIT $2
       ) AS item ORDER BY item.label`,
      name: 'test_lists',
      size: 2,
      values: [''],
      ownerOf: ({ owner }) => owner,
      isShared: true,
    };
    const owners = Array.from({ length: 6 }, () => newId());
    const labelsOf = async (ids: readonly string[], statement: Partial<ListsStatement<Item>> = {}) => {
      const lists = await database.lists(ids, { ...LISTS, ...statement });
      return lists.map(({ rows }) => rows.map(({ label }) => label));
    };
    /** What it comes to, and how many lists each of its statements read. */
    const counted = async (work: () => Promise<unknown>) => {
      let result: unknown;
      const sent = await statementsOf(async () => {
        result = await work();
      });
      return { result, sent: sent.map(({ values }) => (values[0] as readonly string[]).length) };
    };

    beforeAll(async () => {
      await database.query('CREATE TABLE item (owner_id uuid, label text)');
      for (const [place, owner] of owners.entries()) {
        for (let index = 0; index < place; index++)
          await database.query('INSERT INTO item VALUES ($1, $2)', [owner, `${place}.${index}`]);
      }
    });

    it('reads those of calls of one moment by one statement, and gives each call its own alone', async () => {
      const [none = '', one = '', two = '', three = ''] = owners;
      const { result, sent } = await counted(() =>
        Promise.all([labelsOf([one]), labelsOf([three, none]), labelsOf([two.toUpperCase(), one]), labelsOf([])]),
      );
      expect(result).toEqual([[['1.0']], [['3.0', '3.1'], []], [['2.0', '2.1'], ['1.0']], []]);
      expect(sent).toEqual([4]);
    });

    it('reads apart what differs in size or values, or is not to be shared', async () => {
      const [, one = '', two = '', three = ''] = owners;
      const { result, sent } = await counted(() =>
        Promise.all([
          labelsOf([three]),
          labelsOf([three], { size: 3 }),
          labelsOf([three], { values: ['3.1'] }),
          labelsOf([two], { isShared: false }),
          labelsOf([one]),
        ]),
      );
      expect(result).toEqual([[['3.0', '3.1']], [['3.0', '3.1', '3.2']], [['3.2']], [['2.0', '2.1']], [['1.0']]]);
      expect(sent.sort()).toEqual([1, 1, 1, 2]);
    });

    it('reads no more than 500 rows for several calls, and a call that asks for more by a statement of its own', async () => {
      const { sent } = await counted(() => Promise.all(owners.map((owner) => labelsOf([owner], { size: 250 }))));
      expect(sent).toEqual([2, 2, 2]);
      const large = await counted(async () => {
        const [some, all] = await Promise.all([labelsOf(owners, { size: 250 }), labelsOf(owners, { size: 501 })]);
        expect(some).toEqual(all);
        return some.map(({ length }) => length);
      });
      expect(large).toEqual({ sent: [6, 6], result: [0, 1, 2, 3, 4, 5] });
    });

    it('reads again for a later call, and sees what was committed before it', async () => {
      const owner = newId();
      expect(await labelsOf([owner])).toEqual([[]]);
      await database.query('INSERT INTO item VALUES ($1, $2)', [owner, 'new']);
      expect(await labelsOf([owner])).toEqual([['new']]);
    });

    it('tells what is wrong with one call to it alone', async () => {
      const [, one = '', two = ''] = owners;
      const answers = await Promise.allSettled([labelsOf([one]), labelsOf(['no uuid']), labelsOf([two])]);
      expect(answers).toEqual([
        { status: 'fulfilled', value: [['1.0']] },
        { status: 'rejected', reason: expect.objectContaining({ code: '22P02' }) },
        { status: 'fulfilled', value: [['2.0', '2.1']] },
      ]);
    });

    it('sees in an act what that has changed, of which nothing is left when it fails', async () => {
      const [, one = ''] = owners;
      const owner = newId();
      const failure = new Error('refused');
      const seen: unknown[] = [];
      const act = database.act(
        async () => {
          seen.push(await labelsOf([owner, one]));
          await database.query('INSERT INTO item VALUES ($1, $2)', [owner, 'mine']);
          seen.push(...(await Promise.all([labelsOf([owner]), labelsOf([one, owner])])));
          throw failure;
        },
        () => Promise.resolve(),
      );
      await expect(act).rejects.toBe(failure);
      expect(seen).toEqual([[[], ['1.0']], [['mine']], [['1.0'], ['mine']]]);
      expect(await labelsOf([owner])).toEqual([[]]);
      await expect(database.transaction(() => labelsOf([owner]))).rejects.toThrow(/use the Sql/);
    });
  });

  describe('with values', () => {
    const store = async (column: string, value: unknown): Promise<unknown> => {
      const id = newId();
      await database.query(`INSERT INTO sample (id, ${column}) VALUES ($1, $2)`, [id, value]);
      const { rows } = await database.query<Record<string, unknown>>(`SELECT ${column} FROM sample WHERE id = $1`, [
        id,
      ]);
      return rows[0]?.[column];
    };

    it.each([
      ['moment', new Date('2024-02-29T23:59:59.999Z')],
      ['day', new Date('2024-02-29T00:00:00.000Z')],
      ['numbers', [0, -1, 2_147_483_647]],
      ['numbers', []],
      ['label', `quotes ' " \\ % _ 🦆 \n`],
      ['label', null],
    ])('gives back what %s was given: %p', async (column, value) => {
      expect(await store(column, value)).toEqual(value);
    });

    it('gives back JSON as it was', async () => {
      const document = { text: '🦆 "quoted" \\ line\n', list: [1, null, { deep: true }], none: null, number: 1e-7 };
      expect(await store('document', JSON.stringify(document))).toEqual(document);
      expect(await store('document', JSON.stringify([1, 'two']))).toEqual([1, 'two']);
    });

    it('reads what Prisma wrote, and Prisma what it wrote', async () => {
      const verifiedAt = new Date('2024-07-01T12:34:56.789Z');
      const date = new Date('2024-07-01T00:00:00.000Z');
      const user = await database.prisma.user.create({
        data: { provider: 'local', passwordHash: '-', plan: 'free', verifiedAt, usage: { create: { date } } },
      });
      const { rows } = await database.query(
        'SELECT verified_at, date FROM users JOIN usage_daily ON user_id = users.id WHERE users.id = $1',
        [user.id],
      );
      expect(rows).toEqual([{ verified_at: verifiedAt, date }]);
      const later = new Date('2025-01-01T00:00:00.000Z');
      await database.query('UPDATE users SET verified_at = $2 WHERE id = $1', [user.id, later]);
      await database.query('UPDATE usage_daily SET date = $2 WHERE user_id = $1', [user.id, later]);
      const read = await database.prisma.user.findUniqueOrThrow({ where: { id: user.id }, include: { usage: true } });
      expect([read.verifiedAt, read.usage[0]?.date]).toEqual([later, later]);
    });

    it('counts in numbers, and refuses one that a number cannot hold', async () => {
      const { rows } = await database.query('SELECT 9007199254740991::bigint AS large');
      expect(rows).toEqual([{ large: Number.MAX_SAFE_INTEGER }]);
      await expect(database.query('SELECT 9007199254740992::bigint')).rejects.toThrow(RangeError);
      await expect(database.query('SELECT 9007199254740992::bigint', [], 'too_large')).rejects.toThrow(RangeError);
      await expect(database.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
    });

    it('reads the same by a statement with a name', async () => {
      await insert(database, newId());
      await store('numbers', [1, 2]);
      await store('document', JSON.stringify({ text: 'it' }));
      const text = 'SELECT *, count(*) OVER () AS n FROM sample WHERE label IS DISTINCT FROM $1 ORDER BY id';
      const { rows, rowCount } = await database.query(text, ['none']);
      expect(rowCount).toBeGreaterThan(2);
      for (const _time of ['parsed', 'known']) {
        expect(await database.query(text, ['none'], 'sample_all')).toMatchObject({ rows, rowCount });
      }
    });

    it('passes values of every type through a statement with a name, as through one without', async () => {
      const large = 'ä large text 🦆 '.repeat(400);
      const text = `SELECT $1::text AS text, $2::text AS none, $3::int AS negative, $4::boolean AS yes, $5::timestamptz AS moment,
          $6::text[] AS list, $7::jsonb AS document, $8::bytea AS bytes, $9::uuid AS id, $10::text AS long, $11::text AS empty,
          false AS no, (-32768)::smallint AS small, 1.5::float8 AS half, '12.50'::numeric AS amount, 'é'::varchar AS short,
          'naïve café'::text AS words, '2024-02-29'::date AS day, '{"a":[1,"ü"]}'::json AS json, '{}'::int[] AS nothing,
          $12::bigint AS big, repeat('é', 24)::text AS longest`;
      const id = newId();
      const values = (long: string, bytes: Buffer | string) => [
        `quotes ' " \\ 🦆 é`,
        null,
        -42,
        true,
        new Date('2024-02-29T23:59:59.999Z'),
        ['a "b"', null, 'c\\d', ''],
        { text: 'ü' },
        bytes,
        id,
        long,
        '',
        2 ** 40,
      ];
      for (const [long, bytes] of [
        ['short', '\\x00ff'],
        [large, '\\x00ff'],
        ['bytes are sent in a format of their own', Buffer.from([0, 255])],
      ] as const) {
        const { rows } = await database.query(text, values(long, bytes));
        for (const _time of ['parsed', 'known', 'known']) {
          const named = await database.query(text, values(long, bytes), 'all_types');
          expect(named.rows).toEqual(rows);
        }
      }
    });

    it('refuses a value by a statement with a name, and reads the next', async () => {
      const named = (value: unknown) => database.query('SELECT $1::int AS n', [value], 'one_number');
      for (const _time of ['parsed', 'known']) {
        expect((await named(1)).rows).toEqual([{ n: 1 }]);
        await expect(named('one')).rejects.toThrow(/invalid input syntax/);
        expect((await named(2)).rows).toEqual([{ n: 2 }]);
      }
    });

    it('is in UTC', async () => {
      expect((await database.query('SHOW timezone')).rows).toEqual([{ TimeZone: 'UTC' }]);
    });
  });

  it('answers a ping', async () => {
    await expect(database.ping()).resolves.toBeUndefined();
  });

  // The last test: a second embedded database beside this one would double the memory of the worker.
  it('is unavailable once closed, and may be closed twice', async () => {
    await database.close();
    await expect(database.close()).resolves.toBeUndefined();
    await expect(database.query('SELECT 1')).rejects.toThrow(Unavailable);
    await expect(database.transaction((sql) => sql.query('SELECT 1'))).rejects.toThrow(Unavailable);
  });
});
