import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import { MessagesRepository } from '../../src/features/chat/messages/messages.repository.js';
import { newId } from '../../src/kernel/ids.js';
import { requestOf } from '../support/growth.js';
import { administer, createDatabase, migrationsDirectory, silentLogger, testServerUrl } from '../support/servers.js';

const server = testServerUrl();
const onServer = server === undefined ? describe.skip : describe;

onServer('a user of PostgreSQL who may create no extensions', () => {
  const role = `flynkle_test_${randomUUID().slice(0, 8)}`;
  let url = '';
  let drop = (): Promise<void> => Promise.resolve();

  beforeAll(async () => {
    if (server === undefined) return;
    const database = await createDatabase(server);
    drop = async () => {
      await database.drop();
      await administer(server, `DROP ROLE ${role}`);
    };
    await administer(server, `CREATE ROLE ${role} LOGIN PASSWORD '${role}'`);
    // What an administrator gives, see docs/decisions/0069-a-search-is-bounded-by-its-user.md.
    await administer(database.url, 'CREATE EXTENSION pg_trgm');
    await administer(database.url, `GRANT ALL ON SCHEMA public TO ${role}`);
    const asRole = new URL(database.url);
    asRole.username = role;
    asRole.password = role;
    url = asRole.href;
  });
  afterAll(() => drop());

  it('has a service that starts and searches, by another index', async () => {
    const database = await openDatabase({ url, dataDirectory: '', migrationsDirectory, logger: silentLogger });
    try {
      const { rows } = await database.query<{ name: string }>(
        `SELECT indexname AS name FROM pg_indexes WHERE indexname IN ('messages_text_idx', 'messages_owner_text_idx')`,
      );
      expect(rows).toEqual([{ name: 'messages_text_idx' }]);
      const id = newId();
      await database.query(`INSERT INTO users (id, provider, plan) VALUES ($1, 'local', 'free')`, [id]);
      await database.query('INSERT INTO conversations (id, user_id) VALUES ($1, $1)', [id]);
      await database.query(
        `INSERT INTO messages (id, conversation_id, user_id, content, message_type, parent_id, position)
         SELECT gen_random_uuid(), $1, $1, jsonb_build_object('text', 'meeting ' || place), 'user', $1, place
         FROM generate_series(1, 200) AS place`,
        [id],
      );
      const messages = new MessagesRepository(database);
      const page = await messages.search(id, 'meeting 199', requestOf());
      expect(page).toMatchObject({ rows: [{ content: { text: 'meeting 199' } }], hasNextPage: false });
      expect(await messages.countFound(id, 'MEETING 19')).toBe(11);
    } finally {
      await database.close();
    }
  });
});
