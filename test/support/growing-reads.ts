import { NEWEST_FIRST, type ConversationOrder } from '../../src/features/chat/conversations/conversation.js';
import { ConversationsRepository } from '../../src/features/chat/conversations/conversations.repository.js';
import { EventFeedsRepository } from '../../src/features/chat/feeds/event-feeds.repository.js';
import { BranchesRepository } from '../../src/features/chat/messages/branches.repository.js';
import { MessageTreeRepository } from '../../src/features/chat/messages/message-tree.repository.js';
import { MessagesRepository } from '../../src/features/chat/messages/messages.repository.js';
import { PlansRepository } from '../../src/features/chat/plans/plans.repository.js';
import { UploadsRepository } from '../../src/features/chat/uploads/uploads.repository.js';
import { UsageRepository } from '../../src/features/chat/usage/usage.repository.js';
import { AccountsRepository } from '../../src/features/identity/accounts/accounts.repository.js';
import { InvitationsRepository } from '../../src/features/identity/invitations/invitations.repository.js';
import { AuditRepository } from '../../src/features/operations/audit/audit.repository.js';
import { RunningRepliesRepository } from '../../src/features/operations/running-replies/running-replies.repository.js';
import { middleOf, requestOf, type GrowingRead, type World } from './growth.js';

const read = (of: string, name: string, body: GrowingRead['read'], more: Partial<GrowingRead> = {}): GrowingRead => ({
  of,
  name,
  cost: 'flat',
  read: body,
  ...more,
});

const messages = ({ database }: World) => new MessagesRepository(database);
const conversations = ({ database }: World) => new ConversationsRepository(database);
const OLDEST_FIRST: ConversationOrder = { field: 'CREATED_AT', direction: 'ASC' };
const BY_ACTIVITY: ConversationOrder = { field: 'UPDATED_AT', direction: 'DESC' };
/** The nine trigrams of a word that is searched for, and its user, are each found in the index. */
const KEYS = 10;
/** A walk of 100, an index of 2,000 and a walk of 10,000 messages, each a page and its place in an index, at most. */
const LONGEST_SEARCH = { bounded: 2 * (100 + 2_000 + 10_000) };
/**
 * Half of the trigrams are in all titles of the user. A page of the index has some 3,500 entries of one, and those between two matches
 * are passed over as long as they fill a page.
 */
const ONE_TITLE = { bounded: ({ kept }: World) => 6 * KEYS + kept / 1_000 };
/** A block has 128 conversations or more, but for the last, and a row for those that are archived and for the others. */
const ROWS_OF_A_BLOCK = 2;
/**
 * The rows of all blocks, so many times, and each time a block of 256 conversations that is counted through; a page of 20 and what leads
 * there come to it.
 */
const byBlocks = (times: number) => ({
  bounded: ({ kept }: World) => times * (ROWS_OF_A_BLOCK * Math.ceil(kept / 128) + 256) + 2 * 21 + 10,
});

export const GROWING_READS: readonly GrowingRead[] = [
  read('messages.pages', 'the first page', (world) => messages(world).pages([world.long], requestOf())),
  read('messages.pages', 'the last page', (world) =>
    messages(world).pages([world.long], requestOf({ forward: false })),
  ),
  read('messages.pages', 'after a message in the middle', (world) =>
    messages(world).pages([world.long], requestOf({ after: world.middle })),
  ),
  read('messages.pages', 'before a message in the middle', (world) =>
    messages(world).pages([world.long], requestOf({ before: world.middle, forward: false })),
  ),
  read('messages.pages', 'between two messages', (world) =>
    messages(world).pages([world.long], requestOf({ after: middleOf.messages(9), before: world.middle })),
  ),
  read('messages.pages', 'at an offset to the middle', (world) =>
    messages(world).pages([world.long], requestOf({ offset: world.length / 2 })),
  ),
  read('messages.pages', 'at an offset from the end to the middle', (world) =>
    messages(world).pages([world.long], requestOf({ offset: world.length / 2, forward: false })),
  ),
  read('messages.pages', 'beyond the end', (world) =>
    messages(world).pages([world.long], requestOf({ offset: 1_000_000 })),
  ),
  read(
    'messages.pages',
    'of fifty conversations',
    (world) => messages(world).pages(world.talks, requestOf({ size: 3 })),
    {
      lists: 50,
    },
  ),
  read(
    'messages.pages',
    'of fifty calls at once',
    (world) => Promise.all(world.talks.map((talk) => messages(world).pages([talk], requestOf({ size: 3 })))),
    { lists: 50 },
  ),
  read('messages.pageOfAll', 'the first part', (world) => messages(world).pageOfAll(world.long, requestOf())),
  read('messages.pageOfAll', 'a part in the middle', (world) =>
    messages(world).pageOfAll(world.long, requestOf({ after: world.middle })),
  ),
  read('messages.leaves', 'of fifty conversations', (world) => messages(world).leaves(world.talks), { lists: 50 }),
  read('messages.count', 'of fifty conversations', (world) => messages(world).count([world.long, ...world.talks]), {
    lists: 50,
  }),
  read('messages.summaries', 'the first part', (world) =>
    messages(world).summaries(world.reader, { first: 20, after: null }),
  ),
  read('messages.summaries', 'a further part', (world) =>
    messages(world).summaries(world.reader, { first: 20, after: world.talks[30] ?? null }),
  ),
  read(
    'messages.search',
    'for what is everywhere',
    (world) => messages(world).search(world.reader, 'weather', requestOf()),
    { lists: 21 },
  ),
  read(
    'messages.search',
    'for one letter that is everywhere',
    (world) => messages(world).search(world.reader, 'e', requestOf()),
    { lists: 21 },
  ),
  read(
    'messages.search',
    'for what is nowhere',
    (world) => messages(world).search(world.reader, 'snowfall', requestOf()),
    { lists: KEYS },
  ),
  read(
    'messages.search',
    'for what is nowhere, after a message in the middle',
    (world) => messages(world).search(world.reader, 'snowfall', requestOf({ after: world.middle })),
    { lists: KEYS },
  ),
  read(
    'messages.search',
    'for what only others have',
    (world) => messages(world).search(world.stranger, 'holiday', requestOf()),
    { lists: KEYS },
  ),
  read(
    'messages.search',
    'for what is frequent long ago',
    (world) => messages(world).search(world.reader, 'holiday', requestOf()),
    { cost: LONGEST_SEARCH },
  ),
  read(
    'messages.search',
    'for a letter that is nowhere',
    (world) => messages(world).search(world.reader, 'q', requestOf()),
    { cost: LONGEST_SEARCH },
  ),
  read(
    'messages.search',
    'at a deep offset',
    (world) => messages(world).search(world.reader, 'weather', requestOf({ offset: world.messages / 10 })),
    { cost: LONGEST_SEARCH },
  ),
  read('messages.countFound', 'of what is nowhere', (world) => messages(world).countFound(world.reader, 'snowfall'), {
    lists: KEYS,
  }),
  read('messages.countFound', 'of what is everywhere', (world) => messages(world).countFound(world.reader, 'holiday'), {
    cost: { bounded: 2 * 10_000 },
  }),
  read('messages.countFound', 'of a letter', (world) => messages(world).countFound(world.reader, 'q'), {
    cost: LONGEST_SEARCH,
  }),
  read('messages.remarks', 'of the end', (world) =>
    messages(world).remarks(world.database, world.long, world.length, 100),
  ),
  read('messages.remarks', 'of the middle', (world) =>
    messages(world).remarks(world.database, world.long, world.length / 2, 100),
  ),
  read(
    'messages.remarksBefore',
    'the middle',
    (world) => messages(world).remarksBefore(world.database, world.middle, 100),
    { lists: 200 },
  ),
  read('message-tree.end', 'of the long conversation', (world) =>
    new MessageTreeRepository().end(world.database, world.long),
  ),
  read('branches.siblings', 'of a message', (world) => new BranchesRepository(world.database).siblings([world.middle])),
  read('conversations.pages', 'the first page', (world) =>
    conversations(world).pages([world.reader], {}, requestOf(), NEWEST_FIRST),
  ),
  read(
    'conversations.pages',
    'of two calls at once',
    (world) =>
      Promise.all(
        [world.reader, world.stranger].map((user) => conversations(world).pages([user], {}, requestOf(), NEWEST_FIRST)),
      ),
    { lists: 2 },
  ),
  read('conversations.pages', 'after a conversation', (world) =>
    conversations(world).pages([world.reader], {}, requestOf({ after: world.talks[30] ?? null }), NEWEST_FIRST),
  ),
  read('conversations.pages', 'by activity', (world) =>
    conversations(world).pages([world.reader], {}, requestOf(), BY_ACTIVITY),
  ),
  read('conversations.pages', 'by activity, after a conversation', (world) =>
    conversations(world).pages(
      [world.reader],
      {},
      requestOf({ after: world.talks[30] ?? null, afterTime: new Date() }),
      BY_ACTIVITY,
    ),
  ),
  read('conversations.pages', 'with a title that none has', (world) =>
    conversations(world).pages([world.reader], { query: 'snowfall' }, requestOf(), NEWEST_FIRST),
  ),
  read('conversations.pages', 'with a title that none has, of many', (world) =>
    conversations(world).pages([world.keeper], { query: 'snowfall' }, requestOf(), NEWEST_FIRST),
  ),
  read(
    'conversations.pages',
    'with a title that one has, of many',
    (world) =>
      conversations(world).pages([world.keeper], { query: `kept ${world.kept - 1}` }, requestOf(), BY_ACTIVITY),
    { cost: ONE_TITLE },
  ),
  read('conversations.pages', 'with a title that all have, of many', (world) =>
    conversations(world).pages([world.keeper], { query: 'kept' }, requestOf(), NEWEST_FIRST),
  ),
  read('conversations.count', 'of those with a title that none has, of many', (world) =>
    conversations(world).count([world.keeper], { query: 'snowfall' }),
  ),
  read(
    'conversations.count',
    'of those with a title that one has, of many',
    (world) => conversations(world).count([world.keeper], { query: `kept ${world.kept - 1}` }),
    { cost: ONE_TITLE },
  ),
  read('conversations.pages', 'of several conditions', (world) =>
    conversations(world).pages([world.reader], { isArchived: false, isPinned: true }, requestOf(), BY_ACTIVITY),
  ),
  read('conversations.pages', 'the first page of many', (world) =>
    conversations(world).pages([world.keeper], {}, requestOf(), NEWEST_FIRST),
  ),
  read('conversations.pages', 'the first page of many, by activity', (world) =>
    conversations(world).pages([world.keeper], {}, requestOf(), BY_ACTIVITY),
  ),
  read('conversations.pages', 'after one in the middle of many', (world) =>
    conversations(world).pages([world.keeper], {}, requestOf({ after: world.keptMiddle }), NEWEST_FIRST),
  ),
  read('conversations.pages', 'after one in the middle of many, oldest first', (world) =>
    conversations(world).pages([world.keeper], {}, requestOf({ after: world.keptMiddle }), OLDEST_FIRST),
  ),
  read('conversations.pages', 'after one in the middle of many, by activity', (world) =>
    conversations(world).pages(
      [world.keeper],
      {},
      requestOf({ after: world.keptMiddle, afterTime: world.keptMiddleTime }),
      BY_ACTIVITY,
    ),
  ),
  read(
    'conversations.pages',
    'at an offset to the end',
    (world) => conversations(world).pages([world.keeper], {}, requestOf({ offset: world.kept - 30 }), NEWEST_FIRST),
    { cost: byBlocks(1) },
  ),
  read(
    'conversations.pages',
    'at an offset to the middle, oldest first',
    (world) => conversations(world).pages([world.keeper], {}, requestOf({ offset: world.kept / 2 }), OLDEST_FIRST),
    { cost: byBlocks(1) },
  ),
  read(
    'conversations.pages',
    'at an offset behind a cursor',
    (world) =>
      conversations(world).pages(
        [world.keeper],
        {},
        requestOf({ after: world.keptMiddle, offset: Math.floor(world.kept / 3) }),
        NEWEST_FIRST,
      ),
    { cost: byBlocks(2) },
  ),
  read(
    'conversations.pages',
    'at an offset to the end of those that are not archived',
    (world) =>
      conversations(world).pages(
        [world.keeper],
        { isArchived: false },
        requestOf({ offset: world.kept * 0.9 - 30 }),
        NEWEST_FIRST,
      ),
    { cost: byBlocks(1) },
  ),
  read(
    'conversations.pages',
    'beyond the end',
    (world) => conversations(world).pages([world.keeper], {}, requestOf({ offset: 1_000_000 }), NEWEST_FIRST),
    { cost: byBlocks(1) },
  ),
  read(
    'conversations.pages',
    'at an offset, by activity',
    (world) => conversations(world).pages([world.keeper], {}, requestOf({ offset: world.kept / 2 }), BY_ACTIVITY),
    { cost: 'counted' },
  ),
  ...[NEWEST_FIRST, BY_ACTIVITY].flatMap((order) => [
    read('conversations.pages', `of those that are pinned, by ${order.field}`, (world) =>
      conversations(world).pages([world.keeper], { isPinned: true }, requestOf(), order),
    ),
    read('conversations.pages', `of those that are pinned and not archived, by ${order.field}`, (world) =>
      conversations(world).pages([world.keeper], { isPinned: true, isArchived: false }, requestOf(), order),
    ),
    read('conversations.pages', `of few that are not archived, by ${order.field}`, (world) =>
      conversations(world).pages([world.archivist], { isArchived: false }, requestOf({ offset: 15 }), order),
    ),
    read('conversations.pages', `with a label that few have, by ${order.field}`, (world) =>
      conversations(world).pages([world.keeper], { label: 'seldom' }, requestOf(), order),
    ),
    read('conversations.pages', `with a label that none has, by ${order.field}`, (world) =>
      conversations(world).pages([world.keeper], { label: 'snowfall' }, requestOf(), order),
    ),
  ]),
  read(
    'conversations.pages',
    'behind an offset among those with a label that few have',
    (world) => conversations(world).pages([world.keeper], { label: 'seldom' }, requestOf({ offset: 40 }), NEWEST_FIRST),
    { cost: byBlocks(1) },
  ),
  read('conversations.pages', 'of those that are unread', (world) =>
    conversations(world).pages([world.keeper], { isUnread: true }, requestOf(), NEWEST_FIRST),
  ),
  read('conversations.pages', 'of those that are unread, behind an offset', (world) =>
    conversations(world).pages([world.keeper], { isUnread: true }, requestOf({ offset: 15 }), NEWEST_FIRST),
  ),
  read('conversations.pages', 'of those that are unread, by activity', (world) =>
    conversations(world).pages([world.keeper], { isUnread: true }, requestOf(), BY_ACTIVITY),
  ),
  read('conversations.pages', 'of those that are unread, by activity, after a conversation', (world) =>
    conversations(world).pages(
      [world.keeper],
      { isUnread: true },
      requestOf({ after: world.keptMiddle, afterTime: world.keptMiddleTime }),
      BY_ACTIVITY,
    ),
  ),
  read('conversations.count', 'of those that are unread', (world) =>
    conversations(world).count([world.keeper], { isUnread: true }),
  ),
  read('conversations.count', 'of all', (world) => conversations(world).count([world.keeper], {})),
  read(
    'conversations.count',
    'of those that are archived',
    (world) => conversations(world).count([world.keeper], { isArchived: true }),
    { cost: byBlocks(1) },
  ),
  // The few files of all are read at once, if they are few.
  read(
    'plans.holdings',
    'of who has many conversations',
    (world) => new PlansRepository(world.database).holdings([world.keeper]),
    { cost: 'counted' },
  ),
  read('conversations.count', 'of some', (world) => conversations(world).count([world.reader], { query: 'talk' })),
  read('event-feeds.after', 'an event in the middle', (world) =>
    new EventFeedsRepository(world.database).after(world.long, world.messages / 20, 20),
  ),
  read('event-feeds.newsSince', 'the first of all', (world) =>
    new EventFeedsRepository(world.database).newsSince('0', 20),
  ),
  read('usage.entries', 'the first page', (world) =>
    new UsageRepository(world.database).entries(world.reader, requestOf()),
  ),
  read('usage.entries', 'after one in the middle', (world) =>
    new UsageRepository(world.database).entries(world.reader, requestOf({ after: middleOf.usage(world.messages) })),
  ),
  read('usage.countEntries', 'of all', (world) => new UsageRepository(world.database).countEntries(world.reader), {
    cost: 'counted',
  }),
  read('audit.page', 'of all', (world) => new AuditRepository(world.database).page({}, requestOf())),
  read('audit.page', 'after an event in the middle', (world) =>
    new AuditRepository(world.database).page({}, requestOf({ after: middleOf.audit(world.messages) })),
  ),
  read(
    'audit.page',
    'of an action',
    (world) => new AuditRepository(world.database).page({ action: 'LOGIN' }, requestOf()),
    { isPlannedAnew: true },
  ),
  read(
    'audit.page',
    'of what has not happened',
    (world) =>
      new AuditRepository(world.database).page({ action: 'USER_DELETED', subjectId: world.reader }, requestOf()),
    { isPlannedAnew: true },
  ),
  read(
    'audit.page',
    'of a user',
    (world) => new AuditRepository(world.database).page({ subjectId: world.reader }, requestOf()),
    { isPlannedAnew: true },
  ),
  read('audit.count', 'of all', (world) => new AuditRepository(world.database).count({}), { cost: 'counted' }),
  read('uploads.page', 'the first page', (world) =>
    new UploadsRepository(world.database).page(world.reader, requestOf()),
  ),
  read('uploads.page', 'after a file in the middle', (world) =>
    new UploadsRepository(world.database).page(world.reader, requestOf({ after: middleOf.uploads(world.messages) })),
  ),
  read('uploads.count', 'of all', (world) => new UploadsRepository(world.database).count(world.reader), {
    cost: 'counted',
  }),
  read('accounts.page', 'the first page', (world) => new AccountsRepository(world.database).page(null, requestOf())),
  read('accounts.page', 'after a user in the middle', (world) =>
    new AccountsRepository(world.database).page(null, requestOf({ after: middleOf.users(world.messages) })),
  ),
  read('accounts.page', 'of an address that many have', (world) =>
    new AccountsRepository(world.database).page('example', requestOf()),
  ),
  read(
    'accounts.page',
    'of an address that none has',
    (world) => new AccountsRepository(world.database).page('snowfall', requestOf()),
    { cost: 'counted' },
  ),
  read('accounts.count', 'of all', (world) => new AccountsRepository(world.database).count(null), { cost: 'counted' }),
  read('invitations.page', 'the first page', (world) => new InvitationsRepository(world.database).page(requestOf())),
  read('running-replies.page', 'of none', (world) => new RunningRepliesRepository(world.database).page(requestOf())),
  read('running-replies.count', 'of none', (world) => new RunningRepliesRepository(world.database).count()),
  read('invitations.count', 'of all', (world) => new InvitationsRepository(world.database).count(), {
    cost: 'counted',
  }),
];

/** Methods that read several rows, order or count them, and why they need no row above. */
export const OTHER_READS: Readonly<Record<string, string>> = {
  'messages.nearestTo': 'a part of messages.pages',
  'messages.beyond': 'a part of messages.pages',
  'announcements.current': 'of those that have not ended, which an index has alone; 50 at most',
  'announcements.page': 'what admins wrote by hand, which is little',
  'announcements.count': 'what admins wrote by hand, which is little',
  'announcements.lockAndCountOpen': 'of those that have not ended, 50 at most',
  'conversations.entryOf': 'a part of conversations.pages',
  'conversations.markRead': 'a write, which counts what it marks',
  'accounts.findDeleted': 'the users of one address',
  'accounts.hasPasswordHash': 'one user',
  'account-changes.count': 'the changes of one user that can still be undone',
  'branches.copy': 'a write of the branch that is copied',
  'event-feeds.sweep': 'a write of 5,000 rows at most',
  'idempotency.deleteOld': 'a write of a part at a time',
  'identities.listOf': 'the identities of one user, of which there are few',
  'identities.countOf': 'the identities of one user, of which there are few',
  'invitations.findGoodFor': 'ten at most, by an address',
  'model-failures.page': 'of 1,000 that are kept',
  'model-failures.count': 'of 1,000 that are kept',
  'model-failures.record': 'of 1,000 that are kept',
  'passkeys.count': 'the passkeys of one user, of which there are few',
  'passkeys.list': 'the passkeys of one user, of which there are few',
  'passkeys.listCredentials': 'the passkeys of one user, of which there are few',
  'personal-tokens.list': 'as many as a user may have',
  'personal-tokens.count': 'as many as a user may have',
  'replies.findWaitingEnds': 'of the replies that wait, which an index has alone',
  'second-factor.isOlder': 'one row',
  'second-factor.findSealedOtherwise': 'a part at a time, at the start',
  'sessions.endsSince': 'a thousand rows at most, of some minutes, by their index',
  'sessions.findEnded': 'a row for each that is asked about',
  'sessions.isLive': 'one row',
  'sessions.listLive': 'the sessions of one user, of which the expired ones are deleted',
  'sessions.recentClients': 'the latest sessions of one user',
  'uploads.claimAbandoned': 'of the files that are not stored, which have a lease',
  'uploads.findAllOwned': 'as many rows as are asked for, by their ids',
  'uploads.reserve': 'counts no more than the plan allows',
  'usage-corrections.count': 'what admins changed for one user, which is little',
  'usage-corrections.page': 'what admins changed for one user, which is little',
  'usage.correct': 'a write, which adds up what the running replies of one user hold',
  'usage.daily': '366 days at most',
  'usage.expiredLeases': 'of the calls that run, which have a lease',
  'usage.summary': 'adds up the days that are asked for',
};
