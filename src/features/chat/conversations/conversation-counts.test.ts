import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrationsDirectory, silentLogger } from '../../../../test/support/servers.js';
import { testDatabases, type TestDatabase } from '../../../../test/support/database.js';
import { requestOf } from '../../../../test/support/growth.js';
import { migrate, readMigrations } from '../../../adapters/postgres/migrate.js';
import { newId } from '../../../kernel/ids.js';
import type { PageRequest } from '../../../kernel/page.js';
import type { Sql } from '../../../ports/database.js';
import { NEWEST_FIRST, type ConversationFilter, type ConversationOrder, type ConversationRow } from './conversation.js';
import { ConversationsRepository } from './conversations.repository.js';

/** What is kept of the conversations, beside what there is of them. */
const KEPT = `SELECT
  (SELECT json_object_agg(t.user_id, t.count) FROM conversation_totals t WHERE t.count <> 0) AS totals,
  (SELECT json_object_agg(c.user_id, c.count) FROM (SELECT user_id, count(*) FROM conversations GROUP BY 1) AS c) AS "realTotals",
  (SELECT json_agg(b ORDER BY b) FROM conversation_blocks b) AS blocks,
  (SELECT json_agg(b ORDER BY b) FROM (
    SELECT user_id, conversation_block(user_id, id) AS first_id, is_pinned, is_archived, coalesce(label, '') AS label, count(*)
    FROM conversations GROUP BY 1, 2, 3, 4, 5) AS b) AS "realBlocks"`;
const SIZES = `SELECT sum(count)::int AS size FROM conversation_blocks WHERE user_id = $1 GROUP BY first_id`;

const MIGRATION = '20261126155000_conversation_counts';
const UNLIMITED = () => 2_147_483_647;
const LABELS = [undefined, 'work', 'home'];
const nothing = () => Promise.resolve();

describe.each(testDatabases())('conversations on $name', ({ name, open, openEmpty }) => {
  let database: TestDatabase;
  let repository: ConversationsRepository;

  const addUser = async () => {
    const id = newId();
    await database.query(`INSERT INTO users (id, provider, password_hash, plan) VALUES ($1, 'local', '-', 'free')`, [
      id,
    ]);
    return id;
  };
  const add = (userId: string, place: number) =>
    repository.insert(userId, { isPinned: place % 97 === 0, label: LABELS[place % 3] }, UNLIMITED);
  /** Those at the places from `from` on. A third of the ids are theirs. */
  const addMany = (userId: string, from: number, count: number) =>
    database.query(
      `INSERT INTO conversations (id, user_id, title, is_archived, is_pinned, label, updated_at)
       SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(place * 3), 12, '0'))::uuid, $1, 'talk ' || place, place % 5 = 0,
         place % 250 = 0, CASE place % 3 WHEN 0 THEN 'work' END, now() - (place * 37 % 1000) * interval '1 minute'
       FROM generate_series($2::int, $3::int) AS place`,
      [userId, from, from + count - 1],
    );
  const idsOf = async (userId: string) => {
    const { rows } = await database.query<{ id: string }>(
      'SELECT id FROM conversations WHERE user_id = $1 ORDER BY id',
      [userId],
    );
    return rows.map(({ id }) => id);
  };
  const expectExact = async () => {
    const { rows } = await database.query<Record<'realBlocks' | 'realTotals', unknown>>(KEPT);
    expect(rows).toEqual([expect.objectContaining({ totals: rows[0]?.realTotals, blocks: rows[0]?.realBlocks })]);
  };

  beforeAll(async () => {
    database = await open();
    repository = new ConversationsRepository(database);
  });
  afterAll(() => database.drop());

  describe('of a long list', () => {
    const OFFSETS = [0, 1, 127, 128, 129, 300, 639, 1_000_000];
    const AFTER = [null, 0, 5, 128, 400, -1];
    const FILTERS: readonly ConversationFilter[] = [
      {},
      { isArchived: false },
      { isArchived: true, isPinned: true },
      { label: 'work', isArchived: false },
      { label: '' },
      { label: 'nobody has it' },
      { query: 'TALK 1' },
      { isUnread: false, isPinned: false },
      { isUnread: true },
      { isUnread: true, query: 'TALK 1' },
      { isUnread: false, label: 'work' },
    ];
    const ORDERS: readonly ConversationOrder[] = [
      NEWEST_FIRST,
      { field: 'CREATED_AT', direction: 'ASC' },
      { field: 'UPDATED_AT', direction: 'DESC' },
      { field: 'UPDATED_AT', direction: 'ASC' },
    ];
    let owner: string;
    let all: readonly ConversationRow[];

    beforeAll(async () => {
      owner = await addUser();
      await addMany(owner, 1, 300);
      // One by one, at the end and in between.
      for (let place = 301; place <= 430; place += 1) await addMany(owner, place, 1);
      for (let place = 0; place < 270; place += 1) {
        await database.query(
          `INSERT INTO conversations (id, user_id) VALUES (('01900000-0000-7000-8000-' || lpad(to_hex($2::int), 12, '0'))::uuid, $1)`,
          [owner, 3 * Math.floor(place / 2) + 1 + (place % 2)],
        );
      }
      const ids = await idsOf(owner);
      await database.query('DELETE FROM conversations WHERE id = ANY($1::uuid[])', [
        ids.filter((_, place) => place % 9 === 0 || (place > 200 && place < 220)),
      ]);
      const unread = ids.filter((_, place) => place % 7 === 0);
      await database.query('UPDATE conversations SET unread_count = 2 WHERE id = ANY($1::uuid[])', [unread]);
      const [page] = await repository.pages([owner], {}, requestOf({ size: 10_000 }), NEWEST_FIRST);
      all = page?.rows ?? [];
    });

    const found = (filter: ConversationFilter, { field, direction }: ConversationOrder) =>
      all
        .filter(
          (row) =>
            (filter.isArchived ?? row.isArchived) === row.isArchived &&
            (filter.isPinned ?? row.isPinned) === row.isPinned &&
            (filter.label ?? row.label) === row.label &&
            (filter.isUnread ?? row.unreadCount > 0) === row.unreadCount > 0 &&
            (row.title ?? '').toLowerCase().includes((filter.query ?? '').toLowerCase()),
        )
        .sort((a, b) => {
          const time = field === 'UPDATED_AT' ? a.updatedAt.getTime() - b.updatedAt.getTime() : 0;
          return (time || (a.id < b.id ? -1 : 1)) * (direction === 'ASC' ? 1 : -1);
        });
    const pageOf = async (filter: ConversationFilter, order: ConversationOrder, request: Partial<PageRequest>) => {
      const [page] = await repository.pages([owner], filter, requestOf({ size: 4, ...request }), order);
      return page?.rows.map(({ id }) => id);
    };

    it('are counted, one by one and many at once', async () => {
      expect(all.length).toBeGreaterThan(600);
      await expectExact();
      const { rows } = await database.query<{ size: number }>(SIZES, [owner]);
      const sizes = rows.map(({ size }) => size);
      expect(sizes.length).toBeGreaterThan(3);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(256);
    });

    it.each(FILTERS)('have as many as there are of %o', async (filter) => {
      const counts = await repository.count([owner], filter);
      expect(counts.get(owner) ?? 0).toBe(found(filter, NEWEST_FIRST).length);
    });

    it.each(ORDERS)('are passed over by $field $direction, as many as the offset says', async (order) => {
      for (const filter of FILTERS) {
        const rows = found(filter, order);
        for (const offset of OFFSETS) {
          for (const place of AFTER) {
            const cursor = place === null ? undefined : rows.at(place);
            const from = cursor === undefined ? 0 : rows.indexOf(cursor) + 1;
            expect(
              await pageOf(filter, order, { offset, after: cursor?.id ?? null, afterTime: cursor?.updatedAt ?? null }),
            ).toEqual(rows.slice(from + offset, from + offset + 4).map(({ id }) => id));
          }
        }
      }
    });

    it('are passed over behind a cursor that is no longer there', async () => {
      for (const order of ORDERS.slice(0, 2)) {
        const rows = found({}, order);
        const [before, behind] = [rows[250]?.id ?? '', rows[251]?.id ?? ''];
        const between = `${(order.direction === 'ASC' ? before : behind).slice(0, -1)}f`;
        const rest = rows.filter(({ id }) => (order.direction === 'ASC' ? id > between : id < between));
        expect(await pageOf({}, order, { offset: 150, after: between })).toEqual(
          rest.slice(150, 154).map(({ id }) => id),
        );
      }
    });
  });

  it('are counted exactly, whatever is done to them at once', async () => {
    const owners = [await addUser(), await addUser()] as const;
    for (const owner of owners) await addMany(owner, owner === owners[0] ? 10_000 : 20_000, 250);
    const pick = <Item>(items: readonly Item[], place: number) => items[(place * 7_919) % items.length] as Item;
    const deeds = [
      (owner: string, place: number) => add(owner, place),
      (owner: string, place: number) => addMany(owner, place * 100 + (owner === owners[0] ? 0 : 50) + 30_000, 20),
      async (owner: string, place: number) => {
        const id = pick(await idsOf(owner), place);
        await repository.update(
          id,
          { isArchived: place % 2 === 0, label: pick(LABELS, place) },
          () => undefined,
          nothing,
        );
      },
      async (owner: string, place: number) => {
        const ids = await idsOf(owner);
        await repository.delete(
          owner,
          [0, 1, 2, 3].map((step) => pick(ids, place + step)),
          nothing,
        );
      },
      async (owner: string, place: number) => {
        await database.query('UPDATE conversations SET is_pinned = NOT is_pinned WHERE id = $1', [
          pick(await idsOf(owner), place),
        ]);
      },
      async (owner: string, place: number) => {
        const other = owners[owner === owners[0] ? 1 : 0];
        const id = pick(await idsOf(owner), place);
        await database.transaction((sql) =>
          sql.query('UPDATE conversations SET user_id = $2 WHERE id = $1', [id, other]),
        );
      },
      (owner: string, place: number) =>
        database.transaction(async (sql) => {
          await sql.query('INSERT INTO conversations (id, user_id) VALUES ($1, $2)', [newId(), owner]);
          if (place % 2 === 0) throw new Error('given up');
        }),
    ];
    const work = Array.from({ length: name === 'embedded' ? 140 : 420 }, (_, place) => place);
    const next = async (): Promise<void> => {
      const place = work.shift();
      if (place === undefined) return;
      await pick(deeds, place)(pick(owners, Math.floor(place / deeds.length)), place).catch((error: unknown) => {
        if (!(error instanceof Error) || error.message !== 'given up') throw error;
      });
      await next();
    };
    await Promise.all(Array.from({ length: 8 }, next));
    await expectExact();
    const counts = await repository.count(owners, {});
    expect([...counts.values()].every((count) => count > 0)).toBe(true);
  });

  it('lock what they come from before they are counted', async () => {
    const owner = await addUser();
    await add(owner, 1);
    const counts: unknown[] = [];
    const look = async (sql: Sql) => {
      const { rows } = await sql.query<{ count: number }>('SELECT count FROM conversation_totals WHERE user_id = $1', [
        owner,
      ]);
      counts.push(rows[0]?.count);
    };
    await repository.insert(owner, {}, UNLIMITED, { lock: look, fill: look });
    expect(counts).toEqual([1, 2]);
  });

  it('that were there before are counted by the migration', async () => {
    const before = await mkdtemp(join(tmpdir(), 'migrations-'));
    const { pool, drop } = await openEmpty();
    try {
      const names = (await readMigrations(migrationsDirectory)).map((migration) => migration.name);
      for (const earlier of names.slice(0, names.indexOf(MIGRATION)))
        await cp(join(migrationsDirectory, earlier), join(before, earlier), { recursive: true });
      await migrate({ pool, directory: before, logger: silentLogger });
      await pool.query(
        `INSERT INTO users (id, provider, plan) SELECT ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'local', 'free'
         FROM generate_series(0, 9) AS n`,
      );
      await pool.query(
        `INSERT INTO conversations (id, user_id, is_pinned, label)
         SELECT gen_random_uuid(), ('01900000-0000-7000-8000-' || lpad((n % 9 * (n % 2))::text, 12, '0'))::uuid, n % 11 = 0,
           CASE n % 3 WHEN 0 THEN 'work' END FROM generate_series(1, 900) AS n`,
      );
      await migrate({ pool, directory: migrationsDirectory, logger: silentLogger });
      const { rows } = await pool.query<Record<'blocks' | 'realBlocks' | 'realTotals', unknown>>(KEPT);
      expect(rows).toEqual([expect.objectContaining({ totals: rows[0]?.realTotals, blocks: rows[0]?.realBlocks })]);
      const sizes = await pool.query<{ size: number }>(SIZES, ['01900000-0000-7000-8000-000000000000']);
      expect(sizes.rows.map(({ size }) => size).sort((a, b) => b - a)).toEqual([128, 128, 128, 116]);
    } finally {
      await drop();
      await rm(before, { recursive: true });
    }
  });

  it('are counted no more when their user is gone', async () => {
    const owner = await addUser();
    await addMany(owner, 900_000, 300);
    const kept = `SELECT count(*)::int AS blocks FROM conversation_blocks WHERE user_id = $1`;
    expect((await database.query(kept, [owner])).rows).toEqual([{ blocks: expect.any(Number) }]);
    expect((await repository.count([owner], {})).get(owner)).toBe(300);
    await database.query('DELETE FROM users WHERE id = $1', [owner]);
    expect((await database.query(kept, [owner])).rows).toEqual([{ blocks: 0 }]);
    expect((await repository.count([owner], {})).get(owner)).toBeUndefined();
    await expectExact();
  });
});
