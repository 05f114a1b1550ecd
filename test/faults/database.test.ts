import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { askModel, CREATE_MESSAGE, readReply, ROOMY_PLANS, textIn, usageOf } from '../support/replies.js';

const WRITERS = 8;
const MESSAGES_EACH = 25;
const KILLS = 5;

const onServers = process.env['TEST_DATABASE_URL'] === undefined ? describe.skip : describe;

onServers("PostgreSQL's connections, killed", () => {
  let app: TestApp;
  afterEach(() => app.close());

  it('in the middle of traffic cost single calls a 503, and leave nothing half done', async () => {
    app = await startTestApp({ stores: 'servers', settings: { PLANS: ROOMY_PLANS } });
    const database = await databaseOf(app);
    const owner = await signUp(app);
    const conversationId = await owner.createConversation();
    let acknowledged = 0;
    let answered = 0;
    const refusals = new Set<unknown>();
    const write = async (writer: number) => {
      for (let index = 0; index < MESSAGES_EACH; index++) {
        const text = `message ${writer}.${index}`;
        const input = { conversationId, content: { text }, messageType: 'note' };
        const { errors } = await owner.graphql(CREATE_MESSAGE, { input });
        answered += 1;
        if (errors === undefined) acknowledged += 1;
        else refusals.add(errors[0]?.extensions.code);
      }
    };
    const writers = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    for (let kill = 1; kill <= KILLS; kill++) {
      const next = (kill * WRITERS * MESSAGES_EACH) / (KILLS + 1);
      await eventually(
        () => Promise.resolve(answered),
        (count) => count >= next,
      );
      expect(await killConnections(database)).toBeGreaterThan(0);
    }
    await writers;

    expect([...refusals].filter((code) => code !== 'UNAVAILABLE')).toEqual([]);
    expect(acknowledged).toBeGreaterThan(0);
    const { messages } = await owner.ask<{ messages: { totalCount: number } }>(
      'query ($id: ID!) { messages(conversationId: $id) { totalCount } }',
      { id: conversationId },
    );
    // A connection may be lost between the commit and its answer: then the message is stored although the call failed.
    expect(messages.totalCount).toBeGreaterThanOrEqual(acknowledged);
    expect(messages.totalCount).toBeLessThanOrEqual(WRITERS * MESSAGES_EACH);
    expect((await usageOf(owner)).today.messageCount).toBe(messages.totalCount);
  });

  it('in the middle of a reply do not break it off', async () => {
    app = await startTestApp({ stores: 'servers', settings: { PLANS: ROOMY_PLANS } });
    const database = await databaseOf(app);
    const owner = await signUp(app);
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ chunks: ['The ', 'sky ', 'is ', 'blue.'], hold: { after: 2, until: gate.promise }, usage: 12 });
    const id = await askModel(owner, await owner.createConversation());
    await killConnections(database);
    gate.resolve(undefined);
    // A reader whose query hits a lost connection is refused, and tries again.
    const events = await eventually(
      () => readReply(owner, 'eventStream', id).catch(() => []),
      ({ length }) => length > 0,
    );
    expect(textIn(events)).toBe('The sky is blue.');
    expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', message: { status: 'COMPLETE' } });
    expect((await usageOf(owner)).ledger[0]).toMatchObject({ tokens: 12, source: 'REPORTED' });
  });
});

async function databaseOf(app: TestApp): Promise<string> {
  const { rows } = await app.database.query<{ name: string }>('SELECT current_database() AS name');
  return rows[0]?.name ?? '';
}

/** Terminates every connection to a database. @returns their number */
async function killConnections(database: string): Promise<number> {
  const client = new pg.Client(process.env['TEST_DATABASE_URL']);
  await client.connect();
  try {
    const { rowCount } = await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
      [database],
    );
    return rowCount ?? 0;
  } finally {
    await client.end();
  }
}
