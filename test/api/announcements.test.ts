import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Actor, signUp } from '../support/actor.js';
import { auditOf, newAdmin, type Someone } from '../support/admins.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const FIELDS = 'id text level startsAt endsAt state createdAt updatedAt';
const CURRENT = `{ announcements { ${FIELDS} } }`;
const LIST = `query ($first: Int, $after: String) {
  adminAnnouncements(first: $first, after: $after) {
    totalCount nodes { ${FIELDS} } pageInfo { hasNextPage endCursor }
  }
}`;
const CREATE = `mutation ($input: CreateAnnouncementInput!) { createAnnouncement(input: $input) { ${FIELDS} } }`;
const UPDATE = `mutation ($id: ID!, $input: UpdateAnnouncementInput!) {
  updateAnnouncement(id: $id, input: $input) { ${FIELDS} }
}`;
const END = `mutation ($id: ID!) { endAnnouncement(id: $id) { ${FIELDS} } }`;

interface Announcement {
  readonly id: string;
  readonly text: string;
  readonly level: string;
  readonly startsAt: string;
  readonly endsAt: string | null;
  readonly state: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

interface Listed {
  readonly adminAnnouncements: {
    readonly totalCount: number;
    readonly nodes: readonly Announcement[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

const HOUR_MS = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString();

describe.each(stores)('announcements on %s', (on) => {
  let app: TestApp;
  let admin: Someone;
  let user: Someone;
  let anyone: Actor;

  beforeAll(async () => {
    app = await startTestApp({ stores: on });
    [admin, user] = await Promise.all([newAdmin(app), signUp(app)]);
    anyone = new Actor(app.url);
    await endAll();
  });
  afterEach(() => endAll());
  afterAll(() => app.close());

  const shownTo = async (actor: Actor) =>
    (await actor.ask<{ announcements: readonly Announcement[] }>(CURRENT)).announcements;
  const textsShown = async () => (await shownTo(anyone)).map(({ text }) => text);
  const list = async (variables: Readonly<Record<string, unknown>>) =>
    (await admin.ask<Listed>(LIST, variables)).adminAnnouncements;
  const create = async (input: object) =>
    (await admin.ask<{ createAnnouncement: Announcement }>(CREATE, { input })).createAnnouncement;
  const update = async (id: string, input: object) =>
    (await admin.ask<{ updateAnnouncement: Announcement }>(UPDATE, { id, input })).updateAnnouncement;
  const end = async (id: string) => (await admin.ask<{ endAnnouncement: Announcement }>(END, { id })).endAnnouncement;
  async function endAll(): Promise<void> {
    for (const { id } of (await list({ first: 100 })).nodes.filter(({ state }) => state !== 'ENDED')) await end(id);
  }

  it('are shown to everyone at once, with a login or without, until they are ended', async () => {
    const made = await create({ text: 'All is well.' });
    expect(made).toEqual({
      id: expect.any(String),
      text: 'All is well.',
      level: 'INFO',
      startsAt: made.createdAt,
      endsAt: null,
      state: 'CURRENT',
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      updatedAt: made.createdAt,
    });
    for (const actor of [anyone, user, admin]) expect(await shownTo(actor)).toEqual([made]);
    const rest = await anyone.rest('GET', '/announcements');
    expect(wire.dataOf(rest, z.array(wire.announcement))).toMatchObject([
      { announcement_id: made.id, level: 'INFO', ends_at: null, state: 'CURRENT' },
    ]);
    const ended = await end(made.id);
    expect(ended).toMatchObject({ id: made.id, state: 'ENDED', endsAt: expect.any(String) });
    expect(await shownTo(anyone)).toEqual([]);
    // A repeat changes nothing.
    expect(await end(made.id)).toEqual(ended);
  });

  it('are shown from their start to their end, what began last first', async () => {
    const [first, second] = [await create({ text: 'first' }), await create({ text: 'second', level: 'CRITICAL' })];
    const earlier = await create({ text: 'earlier', startsAt: inHours(-2), endsAt: inHours(2) });
    const later = await create({ text: 'later', level: 'WARNING', startsAt: inHours(1), endsAt: inHours(2) });
    expect([earlier.state, later.state]).toEqual(['CURRENT', 'SCHEDULED']);
    expect(await textsShown()).toEqual(['second', 'first', 'earlier']);
    expect((await list({ first: 4 })).nodes.map(({ text }) => text)).toEqual(['later', 'earlier', 'second', 'first']);
    // An hour passes, and then one more.
    const pass = () =>
      app.database.query(
        `UPDATE announcements SET starts_at = starts_at - interval '61 minutes', ends_at = ends_at - interval '61 minutes'
         WHERE id = ANY($1::uuid[])`,
        [[first, second, earlier, later].map(({ id }) => id)],
      );
    await pass();
    await eventually(textsShown, (texts) => texts.length === 4);
    expect((await textsShown())[0]).toBe('later');
    await pass();
    await eventually(textsShown, (texts) => !texts.includes('later') && !texts.includes('earlier'));
    expect((await list({ first: 4 })).nodes.map(({ state }) => state)).toEqual([
      'ENDED',
      'ENDED',
      'CURRENT',
      'CURRENT',
    ]);
  });

  it('never begin when they are ended before', async () => {
    const { id } = await create({ text: 'canceled', startsAt: inHours(1) });
    const ended = await end(id);
    expect(ended).toMatchObject({ state: 'ENDED', startsAt: ended.endsAt });
    expect(await textsShown()).toEqual([]);
  });

  it('are changed over both doors, what is left out staying, and not once they have ended', async () => {
    const made = await create({ text: 'from 10 to 11', level: 'WARNING', startsAt: inHours(1), endsAt: inHours(2) });
    const text = 'from 10 to 12';
    const endsAt = inHours(3);
    expect(await update(made.id, { text, endsAt })).toEqual({ ...made, text, endsAt, updatedAt: expect.any(String) });
    const path = `/admin/announcements/${made.id}`;
    const change = { level: 'CRITICAL', starts_at: inHours(-1), ends_at: null };
    const changed = wire.dataOf(await admin.rest('PATCH', path, change), wire.announcement);
    expect(changed).toMatchObject({ ...change, text, state: 'CURRENT' });
    expect(await textsShown()).toEqual([text]);
    // Clients send whole objects back, which changes nothing.
    expect(wire.dataOf(await admin.rest('PATCH', path, changed), wire.announcement)).toEqual(changed);
    expect(wire.dataOf(await admin.rest('POST', `${path}/end`), wire.announcement)).toMatchObject({ state: 'ENDED' });
    wire.expectError(await admin.rest('PATCH', path, { text: 'x' }), 409, 'The announcement has ended');
    expect((await admin.graphql(UPDATE, { id: made.id, input: { text: 'x' } })).errors?.[0]?.extensions.code).toBe(
      'CONFLICT',
    );
    const details = { announcementId: made.id };
    const event = { actorId: admin.userId, subjectId: null };
    expect((await auditOf(admin, 'ANNOUNCEMENT_UPDATED')).slice(0, 2)).toEqual([
      {
        action: 'ANNOUNCEMENT_UPDATED',
        ...event,
        details: { ...details, level: 'CRITICAL', startsAt: change.starts_at, endsAt: null },
      },
      { action: 'ANNOUNCEMENT_UPDATED', ...event, details: { ...details, text, endsAt } },
    ]);
    expect((await auditOf(admin, 'ANNOUNCEMENT_ENDED'))[0]).toEqual({
      action: 'ANNOUNCEMENT_ENDED',
      ...event,
      details,
    });
    const { text: firstText, level, startsAt, endsAt: firstEnd } = made;
    expect((await auditOf(admin, 'ANNOUNCEMENT_CREATED'))[0]).toEqual({
      action: 'ANNOUNCEMENT_CREATED',
      ...event,
      details: { ...details, text: firstText, level, startsAt, endsAt: firstEnd },
    });
  });

  it('are refused with what is wrong, and leave nothing', async () => {
    const before = (await list({ first: 1 })).totalCount;
    const refused = async (input: object, faults: Readonly<Record<string, string>>) => {
      wire.expectFaults(await admin.rest('POST', '/admin/announcements', input), faults);
    };
    const range = 'must be in the future, and at most 366 days away';
    await refused({ text: ' ' }, { text: 'must not be empty' });
    await refused({ text: 'x'.repeat(1_001) }, { text: 'must be at most 1000 characters' });
    await refused({ text: 'x', level: 'LOUD' }, { level: 'must be one of INFO, WARNING, CRITICAL' });
    await refused({ text: 'x', level: null }, { level: 'must not be null' });
    await refused(
      { text: 'x', starts_at: inHours(2), ends_at: inHours(1) },
      { ends_at: 'must be later than the start' },
    );
    await refused({ text: 'x', starts_at: inHours(-2), ends_at: inHours(-1) }, { ends_at: range });
    await refused(
      { text: 'x', starts_at: inHours(-24 * 367), ends_at: inHours(24 * 367) },
      { starts_at: 'must be at most 366 days away', ends_at: range },
    );
    expect((await list({ first: 1 })).totalCount).toBe(before);

    const made = await create({ text: 'x'.repeat(1_000), endsAt: inHours(1) });
    const path = `/admin/announcements/${made.id}`;
    wire.expectFaults(await admin.rest('PATCH', path, { starts_at: inHours(2) }), {
      starts_at: 'must be earlier than the end',
    });
    wire.expectFaults(await admin.rest('PATCH', path, { ends_at: inHours(-1) }), { ends_at: range });
    wire.expectFaults(await admin.rest('PATCH', path, { text: null, starts_at: null }), {
      text: 'must not be null',
      starts_at: 'must not be null',
    });
    expect(await shownTo(anyone)).toEqual([made]);
    const nowhere = `/admin/announcements/${crypto.randomUUID()}`;
    wire.expectError(await admin.rest('PATCH', nowhere, { text: 'x' }), 404, 'Announcement not found');
    wire.expectError(await admin.rest('POST', `${nowhere}/end`), 404, 'Announcement not found');
  });

  it('are 50 at a time at most, however many admins write at once, and are paged for admins', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, number) => admin.graphql(CREATE, { input: { text: `no. ${number}` } })),
    );
    const refused = answers.flatMap(({ errors }) => errors ?? []);
    expect(refused).toHaveLength(10);
    for (const { message, extensions } of refused)
      expect([message, extensions.code]).toEqual(['There are too many announcements: end some', 'CONFLICT']);
    expect(await shownTo(anyone)).toHaveLength(50);
    const page = await list({ first: 30 });
    expect(page).toMatchObject({ nodes: { length: 30 }, pageInfo: { hasNextPage: true } });
    const next = await list({ first: 30, after: page.pageInfo.endCursor });
    const ids = [...page.nodes, ...next.nodes].map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort().reverse());
    await end(ids[0] ?? '');
    expect(await create({ text: 'one more' })).toMatchObject({ state: 'CURRENT' });
  });
});
