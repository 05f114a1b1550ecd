import { Conflict, Invalid, NotFound } from '../../../kernel/errors.js';
import {
  connectionOf,
  pageRequest,
  type Connection,
  type Page,
  type PageArguments,
  type RowPart,
} from '../../../kernel/page.js';
import { expectVersion } from '../../../kernel/version.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Sql } from '../../../ports/database.js';
import { ownsConversation } from '../conversations/conversations.policy.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import {
  conversationFeed,
  selectionOf,
  updateOf,
  type ConversationEvent,
} from '../conversations/conversation-event.js';
import type { Expired, NotedAct, Numbered } from '../feeds/event-feed.js';
import type { EventFeeds } from '../feeds/event-feeds.js';
import type { MessageCharge } from '../usage/usage.js';
import {
  messageVersion,
  type Addition,
  type ConversationSummaryRow,
  type MessageChanges,
  type MessageRow,
  type NewMessage,
  type Place,
  type Remark,
  type SummaryPart,
} from './message.js';
import { refusedAddition, type BranchEnd, type MessageTree } from './message-tree.js';
import type { ListedMessageRow, LoneMessage, MessagesRepository } from './messages.repository.js';

interface MessagesServiceNeeds {
  readonly repository: MessagesRepository;
  readonly tree: MessageTree;
  readonly conversations: Pick<ConversationsService, 'get'>;
  readonly feeds: Pick<EventFeeds, 'act' | 'follow'>;
}

/** What a follower of a conversation gets. Nothing comes after the event that it is deleted. */
export type FollowedEvent = Numbered<ConversationEvent> | Expired;

const NO_PAGE: Page<never> = { rows: [], hasNextPage: false, hasPreviousPage: false };

export class MessagesService {
  constructor(private readonly needs: MessagesServiceNeeds) {}

  /** @throws NotFound when the message does not exist or is in another user's conversation */
  async get(viewer: Viewer, id: string): Promise<MessageRow> {
    const message = await this.findVisible(viewer, id);
    if (message === null) throw new NotFound('Message');
    return message;
  }

  findVisible(viewer: Viewer, id: string): Promise<MessageRow | null> {
    return this.needs.repository.findOwned(viewer.userId, id);
  }

  /** In the order of `ids`, without a permission check: for fields of objects that the viewer may see. */
  async load(ids: readonly string[]): Promise<readonly (MessageRow | Error)[]> {
    const rows = new Map((await this.needs.repository.findMany(ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? new NotFound('Message'));
  }

  /**
   * The current branch of a conversation. Its messages say whose it is, so that it is looked up where there are none alone: most
   * lists take one statement.
   * @param part `few` for rows without what nobody asks for, as the repository says
   * @throws NotFound when the conversation does not exist or is another user's, whatever else is wrong
   */
  async list(
    viewer: Viewer,
    conversationId: string,
    args: PageArguments,
    part: RowPart,
  ): Promise<Connection<MessageRow>> {
    const page = await this.#page(conversationId, args, part);
    const [row] = page instanceof Invalid ? [] : page.rows;
    if (row === undefined || !ownsConversation(viewer, { userId: row.ownerId })) {
      await this.needs.conversations.get(viewer, conversationId);
    }
    if (page instanceof Invalid) throw page;
    return this.#connection(page, conversationId, () => this.needs.repository.count([conversationId]));
  }

  /** @returns what is wrong with the arguments, which only those are told who may see the conversation */
  async #page(conversationId: string, args: PageArguments, part: RowPart): Promise<Page<ListedMessageRow> | Invalid> {
    try {
      const [page = NO_PAGE] = await this.needs.repository.pages([conversationId], pageRequest(args), part);
      return page;
    } catch (error) {
      if (error instanceof Invalid) return error;
      throw error;
    }
  }

  /** The current branch of each conversation, from its first message on, without a permission check: for conversations that the viewer may see. */
  async ofConversations(
    conversationIds: readonly string[],
    args: PageArguments,
    part: RowPart,
  ): Promise<readonly Connection<MessageRow>[]> {
    const pages = await this.needs.repository.pages(conversationIds, pageRequest(args), part);
    let counts: Promise<ReadonlyMap<string, number>> | undefined;
    const count = () => (counts ??= this.needs.repository.count(conversationIds));
    return conversationIds.map((id, index) => this.#connection(pages[index] ?? NO_PAGE, id, count));
  }

  #connection(
    page: Page<MessageRow>,
    conversationId: string,
    count: () => Promise<ReadonlyMap<string, number>>,
  ): Connection<MessageRow> {
    return connectionOf(page, async () => {
      const counts = await count();
      return counts.get(conversationId.toLowerCase()) ?? 0;
    });
  }

  /**
   * The last message of each conversation's current branch, null in an empty one, without a permission check: for conversations
   * that the viewer may see.
   */
  async currentLeaves(conversationIds: readonly string[]): Promise<readonly (MessageRow | null)[]> {
    const rows = await this.needs.repository.leaves(conversationIds);
    return conversationIds.map((id) => rows.get(id) ?? null);
  }

  /**
   * The messages of one conversation, those of all branches, oldest first, without a permission check: for a conversation that
   * the viewer may see.
   */
  async ofAllBranches(conversationId: string, args: PageArguments): Promise<Connection<MessageRow>> {
    const page = await this.needs.repository.pageOfAll(conversationId, pageRequest(args));
    return connectionOf(page, () => {
      throw new Error('an export counts no messages');
    });
  }

  /** The viewer's conversations, newest first, with how many messages each has. */
  summaries(viewer: Viewer, part: SummaryPart): Promise<readonly ConversationSummaryRow[]> {
    return this.needs.repository.summaries(viewer.userId, part);
  }

  /** Finds messages in the viewer's own conversations whose text contains `part` (case-insensitive), newest first. */
  async search(viewer: Viewer, part: string, args: PageArguments): Promise<Connection<MessageRow>> {
    const page = await this.needs.repository.search(viewer.userId, part, pageRequest(args));
    return connectionOf(page, () => this.needs.repository.countFound(viewer.userId, part));
  }

  /**
   * Locks the conversation for what is to be added, in the caller's transaction.
   * @returns the place to add behind
   * @throws NotFound; StaleLeaf
   */
  open(sql: Sql, conversationId: string, addition: Addition): Promise<BranchEnd> {
    return this.needs.tree.open(sql, conversationId, addition);
  }

  /** @throws StaleLeaf for a client that does not know the end of the current branch */
  expectLeaf(conversationId: string, addition: Addition): Promise<void> {
    return this.needs.tree.expect(conversationId, addition);
  }

  /** For the removal of messages in the caller's transaction. Nothing else may be locked before. */
  lock(sql: Sql, conversationId: string): Promise<void> {
    return this.needs.tree.lock(sql, conversationId);
  }

  /**
   * Adds messages one behind the other, at the end of the current branch of a conversation that the caller's transaction has
   * opened. Call {@link note} last.
   */
  insert(sql: Sql, end: Place, messages: readonly NewMessage[]): Promise<readonly MessageRow[]> {
    return this.needs.repository.insert(sql, messages, end);
  }

  /**
   * Adds a message that the model is not asked about, charges it and notes it, by one statement, which needs no transaction.
   * @returns null when the day has no message left: nothing is changed then
   * @throws NotFound; StaleLeaf
   */
  async add(
    sql: Sql,
    news: NotedAct,
    message: LoneMessage,
    addition: Omit<Addition, 'behind'>,
    charge: MessageCharge,
  ): Promise<MessageRow | null> {
    const { id, conversationId, userId } = message;
    const selection = selectionOf(id);
    const created: ConversationEvent = { type: 'created', messageId: id };
    const ofList = updateOf(userId, conversationId);
    const result = await this.needs.repository.add(sql, message, addition, charge, {
      added: [created],
      switched: [selection],
      listed: ofList.events,
    });
    if (result.refusal === 'quota') return null;
    if (result.refusal !== null) throw refusedAddition(result.refusal, conversationId, result.leaf);
    const events = result.isSwitched ? [created, selection] : [created];
    news.noted({ feed: conversationFeed(conversationId), events }, result.last);
    news.noted(ofList, result.lastListed);
    return result.message;
  }

  /**
   * @throws Conflict while the message is a reply that is streaming; PreconditionFailed when `versions` are given and the
   * present one is none of them
   */
  async update(
    viewer: Viewer,
    id: string,
    changes: MessageChanges,
    versions?: readonly string[] | null,
  ): Promise<MessageRow> {
    const message = await this.get(viewer, id);
    if (message.status === 'STREAMING') throw new Conflict('The reply is still streaming');
    const news = this.needs.feeds.act();
    const row = await this.needs.repository.update(id, changes, versionCheck(versions), (sql) =>
      this.note(news, sql, viewer.userId, message.conversationId, { type: 'updated', messageId: id }),
    );
    if (row === null) throw new NotFound('Message');
    news.tell();
    return row;
  }

  /** Deletes a message; a streaming reply stops. @returns the deleted message. @throws PreconditionFailed as {@link update} */
  async delete(viewer: Viewer, id: string, versions?: readonly string[] | null): Promise<MessageRow> {
    const { conversationId } = await this.get(viewer, id);
    const news = this.needs.feeds.act();
    let before: string | undefined;
    const row = await this.needs.repository.delete(
      id,
      async (sql) => {
        await this.needs.tree.lock(sql, conversationId);
        before = await this.needs.tree.leafId(sql, conversationId);
      },
      versionCheck(versions),
      async (sql, { parentId }) => {
        const leaf = await this.needs.tree.leafId(sql, conversationId);
        const isSwitched = leaf !== before && leaf !== (parentId ?? undefined);
        const selection = isSwitched && leaf !== undefined ? [selectionOf(leaf)] : [];
        await this.note(news, sql, viewer.userId, conversationId, { type: 'deleted', messageId: id }, ...selection);
      },
    );
    if (row === null) throw new NotFound('Message');
    news.tell();
    return row;
  }

  /** For an act whose events are noted in its transaction, and told after the commit. */
  act(): NotedAct {
    return this.needs.feeds.act();
  }

  /**
   * Notes what happens in a conversation, in the caller's transaction, as the last of what that locks. It is also for the list of
   * the conversation's owner, which shows the last message and says how many there are.
   */
  note(
    news: NotedAct,
    sql: Sql,
    ownerId: string,
    conversationId: string,
    ...events: readonly ConversationEvent[]
  ): Promise<void> {
    const happened = { feed: conversationFeed(conversationId), events };
    return news.note(sql, happened, updateOf(ownerId, conversationId));
  }

  /**
   * Streams the conversation's events after a number, or those from now on where it is null, until the consumer stops, as it should
   * when the conversation is deleted, or the server shuts down.
   * @throws NotFound when the conversation does not exist or is another user's
   */
  async follow(
    viewer: Viewer,
    conversationId: string,
    after: number | null,
    signal: AbortSignal,
  ): Promise<AsyncIterable<FollowedEvent>> {
    await this.needs.conversations.get(viewer, conversationId);
    const feed = conversationFeed(conversationId);
    return this.needs.feeds.follow<ConversationEvent>(feed, after, signal);
  }

  /** As {@link remarks}, on the branch that leads to the message `id`. */
  remarksBefore(sql: Sql, id: string, limit: number): Promise<readonly Remark[]> {
    return this.needs.repository.remarksBefore(sql, id, limit);
  }

  /**
   * Messages of the user and the model on the current branch with a text, or that the model was asked, before a position,
   * newest first.
   */
  remarks(sql: Sql, conversationId: string, before: number, limit: number): Promise<readonly Remark[]> {
    return this.needs.repository.remarks(sql, conversationId, before, limit);
  }
}

function versionCheck(versions: readonly string[] | null | undefined): ((row: MessageRow) => void) | undefined {
  if (versions == null) return undefined;
  return (row) => {
    expectVersion(messageVersion(row), versions);
  };
}
