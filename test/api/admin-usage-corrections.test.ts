import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signUp } from '../support/actor.js';
import { auditOf, newAdmin, type Someone } from '../support/admins.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { askModel, readReply, usageOf } from '../support/replies.js';
import { stores } from '../support/servers.js';

const PLANS = JSON.stringify({
  free: { price: 0, daily_messages: 10, daily_tokens: 10_000, max_conversations: 10, max_file_uploads: 0 },
});
const CORRECT = `mutation ($userId: ID!, $input: UsageCorrectionInput!) {
  adminCorrectUsage(userId: $userId, input: $input) { id userId adminId messages tokens reason }
}`;

describe.each(stores)('corrections of what a user has used, on %s', (on) => {
  let app: TestApp;
  let admin: Someone;
  let owner: Someone;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS } });
    admin = await newAdmin(app);
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    owner = await signUp(app);
  });

  const correct = (input: object) => admin.graphql(CORRECT, { userId: owner.userId, input });
  const counts = async () => (await usageOf(owner)).today;
  const codeOf = async (answer: ReturnType<typeof correct>) => (await answer).errors?.[0]?.extensions.code ?? 'done';

  it('change the limits at once, and are in the ledger of the user and, with their reason, in the list of admins', async () => {
    const { data } = await correct({ messages: 9, tokens: 5_000, reason: 'an import' });
    expect(data).toEqual({
      adminCorrectUsage: {
        id: expect.any(String),
        userId: owner.userId,
        adminId: admin.userId,
        messages: 9,
        tokens: 5_000,
        reason: 'an import',
      },
    });
    const path = `/admin/users/${owner.userId}/usage/corrections`;
    const { status, body } = await admin.rest('POST', path, { messages: -2, reason: 'an outage' });
    const outage = { user_id: owner.userId, admin_id: admin.userId, messages: -2, tokens: 0, reason: 'an outage' };
    expect([status, body.data]).toEqual([200, expect.objectContaining(outage)]);
    expect(await counts()).toEqual({ messageCount: 7, tokenCount: 5_000 });
    const { limits } = await owner.ask<{ limits: unknown }>(
      '{ limits { messages { used remaining } tokens { used remaining } } }',
    );
    expect(limits).toEqual({ messages: { used: 7, remaining: 3 }, tokens: { used: 5_000, remaining: 5_000 } });

    const ledger = await owner.rest('GET', '/user/usage/ledger');
    expect(ledger.body.data).toMatchObject([
      { kind: 'CORRECTION', messages: -2, tokens: 0, message_id: null, settled_at: expect.any(String) },
      { kind: 'CORRECTION', messages: 9, tokens: 5_000 },
    ]);
    expect(JSON.stringify(ledger.body)).not.toMatch(/an outage|an import/);
    const listed = await admin.rest('GET', `${path}?limit=1`);
    expect(listed.body.data).toMatchObject([outage]);
    const events = (await auditOf(admin, 'USAGE_CORRECTED')).filter(({ subjectId }) => subjectId === owner.userId);
    expect(events).toMatchObject([
      { actorId: admin.userId, details: { messages: -2, tokens: 0, reason: 'an outage' } },
      { actorId: admin.userId, details: { messages: 9, tokens: 5_000, reason: 'an import' } },
    ]);
  });

  it('give back no more than was used, however many come at once', async () => {
    await correct({ messages: 5, tokens: 1_000, reason: 'an import' });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => codeOf(correct({ messages: -1, tokens: -300, reason: 'an outage' }))),
    );
    expect(answers.filter((answer) => answer === 'done')).toHaveLength(3);
    expect(new Set(answers)).toEqual(new Set(['done', 'CONFLICT']));
    expect(await counts()).toEqual({ messageCount: 2, tokenCount: 100 });
  });

  it('leave to running replies what they hold, and count once with what these come to', async () => {
    const conversationId = await owner.createConversation();
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ chunks: ['The ', 'sky.'], hold: { after: 1, until: gate.promise }, usage: 42 });
    const id = await askModel(owner, conversationId);
    const held = await counts();
    expect(held.messageCount).toBe(1);
    expect(await codeOf(correct({ messages: -1, reason: 'an outage' }))).toBe('CONFLICT');
    expect(await codeOf(correct({ tokens: -1, reason: 'an outage' }))).toBe('CONFLICT');
    expect(await codeOf(correct({ messages: 1, tokens: 10, reason: 'an import' }))).toBe('done');
    expect(await codeOf(correct({ messages: -1, tokens: -3, reason: 'a mistake' }))).toBe('done');
    expect(await counts()).toEqual({ messageCount: 1, tokenCount: held.tokenCount + 7 });
    gate.resolve(undefined);
    await readReply(owner, 'eventStream', id);
    expect(await counts()).toEqual({ messageCount: 1, tokenCount: 42 + 7 });
    expect(await codeOf(correct({ messages: -1, tokens: -49, reason: 'an outage' }))).toBe('done');
    expect(await counts()).toEqual({ messageCount: 0, tokenCount: 0 });
  });

  it('need a figure, a reason and a user', async () => {
    for (const input of [
      { reason: 'nothing' },
      { messages: 0, tokens: 0, reason: 'nothing' },
      { tokens: 1, reason: ' ' },
      { tokens: 1, reason: 'x'.repeat(501) },
      { messages: 1_000_001, reason: 'too many' },
    ]) {
      expect(await codeOf(correct(input))).toBe('BAD_USER_INPUT');
    }
    const userId = crypto.randomUUID();
    const { errors } = await admin.graphql(CORRECT, { userId, input: { tokens: 1, reason: 'x' } });
    expect(errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    expect(
      (await owner.graphql(CORRECT, { userId: owner.userId, input: { tokens: -1, reason: 'x' } })).errors,
    ).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });
});
