import { NotFound, QuotaExceeded } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments, type RowPart } from '../../../kernel/page.js';
import { expectVersion } from '../../../kernel/version.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Sql } from '../../../ports/database.js';
import type { EventBus } from '../../../ports/event-bus.js';
import type { ModelCatalogue } from '../models/model-catalogue.js';
import type { Expired, NotedAct, Numbered } from '../feeds/event-feed.js';
import type { EventFeeds } from '../feeds/event-feeds.js';
import type { PlanCatalogue } from '../plans/plan.js';
import {
  conversationVersion,
  NEWEST_FIRST,
  type Beginning,
  type ConversationChanges,
  type ConversationFilter,
  type ConversationOrder,
  type ConversationRow,
} from './conversation.js';
import { ownsConversation } from './conversations.policy.js';
import type { ConversationsRepository } from './conversations.repository.js';
import {
  conversationFeed,
  conversationListFeed,
  updateOf,
  type ConversationEvent,
  type ConversationListEvent,
} from './conversation-event.js';

interface ConversationsServiceNeeds {
  readonly repository: ConversationsRepository;
  readonly plans: Pick<PlanCatalogue, 'of'>;
  readonly models: Pick<ModelCatalogue, 'get'>;
  readonly feeds: Pick<EventFeeds, 'act' | 'drop' | 'follow'>;
  readonly bus: Pick<EventBus, 'publish'>;
}

export class ConversationsService {
  constructor(private readonly needs: ConversationsServiceNeeds) {}

  /** @throws NotFound when the conversation does not exist or is another user's */
  async get(viewer: Viewer, id: string): Promise<ConversationRow> {
    const conversation = await this.findVisible(viewer, id);
    if (conversation === null) throw new NotFound('Conversation');
    return conversation;
  }

  async findVisible(viewer: Viewer, id: string): Promise<ConversationRow | null> {
    const conversation = await this.needs.repository.find(id);
    return conversation !== null && ownsConversation(viewer, conversation) ? conversation : null;
  }

  /** In the order of `ids`, without a permission check: for fields of objects that the viewer may see. */
  async load(ids: readonly string[]): Promise<readonly (ConversationRow | Error)[]> {
    const rows = await Promise.all(ids.map((id) => this.needs.repository.find(id)));
    return rows.map((row) => row ?? new NotFound('Conversation'));
  }

  /**
   * The conversations of each user, without a permission check: for users that the viewer may see.
   * @param part `few` for rows without what nobody asks for, as the repository says
   */
  async ofUsers(
    userIds: readonly string[],
    filter: ConversationFilter,
    args: PageArguments,
    order = NEWEST_FIRST,
    part: RowPart = 'all',
  ): Promise<readonly Connection<ConversationRow>[]> {
    const byTime = order.field === 'UPDATED_AT';
    const request = pageRequest(args, byTime ? 'time' : 'id');
    const { repository } = this.needs;
    const sought = filter.query == null ? filter : await repository.seek(userIds, filter);
    const pages = await repository.pages(userIds, sought, request, order, part);
    const count = once(() => repository.count(userIds, sought));
    return userIds.map((userId, index) =>
      connectionOf(
        pages[index] ?? { rows: [], hasNextPage: false, hasPreviousPage: false },
        async () => {
          const counts = await count();
          return counts.get(userId) ?? 0;
        },
        (row) => (byTime ? row.updatedAt : null),
      ),
    );
  }

  async list(
    viewer: Viewer,
    filter: ConversationFilter,
    args: PageArguments,
    order?: ConversationOrder,
    part?: RowPart,
  ): Promise<Connection<ConversationRow>> {
    const [connection] = await this.ofUsers([viewer.userId], filter, args, order, part);
    if (connection === undefined) throw new Error('a page a user');
    return connection;
  }

  /** @throws QuotaExceeded when the plan allows no more conversations, or not the model; Invalid for an unknown model */
  async create(viewer: Viewer, values: ConversationChanges): Promise<ConversationRow> {
    this.assertModel(viewer, values);
    return this.begin(viewer, values);
  }

  /**
   * Like {@link create}, with values that another conversation has.
   * @param beginning in the same transaction
   */
  async begin(viewer: Viewer, values: ConversationChanges, beginning?: Beginning): Promise<ConversationRow> {
    const news = this.needs.feeds.act();
    const row = await this.needs.repository.insert(
      viewer.userId,
      values,
      (plan) => this.needs.plans.of(plan).maxConversations,
      beginning,
      (sql, { id }) => this.#note(news, sql, viewer.userId, { type: 'created', conversationId: id }),
    );
    if (row === undefined) throw new NotFound('User');
    if (row === null) throw new QuotaExceeded();
    news.tell();
    return row;
  }

  /**
   * @throws PreconditionFailed when `versions` are given and the present one is none of them; as to the model, as
   * {@link create}
   */
  async update(
    viewer: Viewer,
    id: string,
    changes: ConversationChanges,
    versions?: readonly string[] | null,
  ): Promise<ConversationRow> {
    const { model } = await this.get(viewer, id);
    // Clients send whole objects back: a model that is there may stay.
    if (changes.model !== model) this.assertModel(viewer, changes);
    const news = this.needs.feeds.act();
    const row = await this.needs.repository.update(id, changes, versionCheck(versions), (sql) =>
      this.#note(news, sql, viewer.userId, { type: 'updated', conversationId: id }),
    );
    if (row === null) throw new NotFound('Conversation');
    news.tell();
    return row;
  }

  /**
   * Notes that the viewer has read a conversation up to a message of it, and all before that.
   * @throws NotFound for the conversation or the message
   */
  async markRead(viewer: Viewer, id: string, upTo: string): Promise<ConversationRow> {
    await this.get(viewer, id);
    const news = this.needs.feeds.act();
    const marked = await this.needs.repository.markRead(id, upTo, (sql) =>
      this.#note(news, sql, viewer.userId, { type: 'updated', conversationId: id }),
    );
    if (marked === null) throw new NotFound('Message');
    news.tell();
    return marked;
  }

  /**
   * Deletes a conversation with its messages, which stops a streaming reply.
   * @returns the deleted conversation
   * @throws as {@link update}
   */
  async delete(viewer: Viewer, id: string, versions?: readonly string[] | null): Promise<ConversationRow> {
    const check = versionCheck(versions);
    const row =
      check === undefined ? (await this.deleteOwn(viewer, [id]))[0] : await this.deleteChecked(viewer, id, check);
    if (row === undefined) throw new NotFound('Conversation');
    return row;
  }

  /** Deletes those of `ids` that are the viewer's and skips the rest. @returns the ids of the deleted conversations */
  async deleteMany(viewer: Viewer, ids: readonly string[]): Promise<readonly string[]> {
    const rows = await this.deleteOwn(viewer, ids);
    return rows.map(({ id }) => id);
  }

  /** Whether the model is to be asked for a title, in the caller's transaction: once a conversation. */
  claimTitle(sql: Sql, id: string): Promise<boolean> {
    return this.needs.repository.claimTitle(sql, id);
  }

  /**
   * Gives a conversation a title, unless it has one, in the caller's transaction.
   * @returns tells the owner's devices, as the last of what the transaction locks; null when nothing was changed
   */
  async giveTitle(sql: Sql, id: string, title: string): Promise<((sql: Sql, news: NotedAct) => Promise<void>) | null> {
    const owner = await this.needs.repository.giveTitle(sql, id, title);
    return owner && ((last, news) => this.noteUpdated(news, last, owner, id));
  }

  /** For an act whose events are noted in its transaction, and told after the commit. */
  act(): NotedAct {
    return this.needs.feeds.act();
  }

  /**
   * Streams the events of the viewer's list after a number, or those from now on where it is null, until the consumer stops or
   * the server shuts down.
   */
  followList(
    viewer: Viewer,
    after: number | null,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Numbered<ConversationListEvent> | Expired>> {
    return this.needs.feeds.follow<ConversationListEvent>(conversationListFeed(viewer.userId), after, signal);
  }

  private assertModel({ plan }: Viewer, { model }: ConversationChanges): void {
    if (model != null) this.needs.models.get(plan, model, 'input.model');
  }

  private async deleteOwn(viewer: Viewer, ids: readonly string[]): Promise<readonly ConversationRow[]> {
    const news = this.needs.feeds.act();
    const note = this.#deletion(news, viewer);
    const rows = await this.needs.repository.delete(viewer.userId, ids, note);
    this.tellDeleted(news, rows);
    return rows;
  }

  private async deleteChecked(
    viewer: Viewer,
    id: string,
    check: (row: ConversationRow) => void,
  ): Promise<ConversationRow | undefined> {
    await this.get(viewer, id);
    const news = this.needs.feeds.act();
    const note = this.#deletion(news, viewer);
    const row = await this.needs.repository.deleteOne(viewer.userId, id, check, note);
    if (row === null) return undefined;
    this.tellDeleted(news, [row]);
    return row;
  }

  #deletion(news: NotedAct, { userId }: Viewer) {
    return async (sql: Sql, rows: readonly ConversationRow[]) => {
      await this.needs.feeds.drop(
        sql,
        rows.map(({ id }) => id),
      );
      await this.#note(news, sql, userId, ...rows.map(deletionOf));
    };
  }

  private tellDeleted(news: NotedAct, rows: readonly ConversationRow[]): void {
    const event: ConversationEvent = { type: 'conversation-deleted' };
    news.tell();
    for (const row of rows) this.needs.bus.publish(conversationFeed(row.id).topic, [event]);
  }

  /** Notes that a conversation was changed, in the caller's transaction. */
  noteUpdated(news: NotedAct, sql: Sql, { userId }: Pick<Viewer, 'userId'>, conversationId: string): Promise<void> {
    return news.note(sql, updateOf(userId, conversationId));
  }

  #note(news: NotedAct, sql: Sql, userId: string, ...events: readonly ConversationListEvent[]): Promise<void> {
    return news.note(sql, { feed: conversationListFeed(userId), events });
  }
}

function versionCheck(versions: readonly string[] | null | undefined): ((row: ConversationRow) => void) | undefined {
  if (versions == null) return undefined;
  return (row) => {
    expectVersion(conversationVersion(row), versions);
  };
}

function deletionOf({ id }: ConversationRow): ConversationListEvent {
  return { type: 'deleted', conversationId: id };
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
