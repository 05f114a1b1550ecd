import { NotFound, QuotaExceeded } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Sql } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { PlanCatalogue } from '../plans/plan.js';
import type { ConversationChanges, ConversationRow } from './conversation.js';
import { ownsConversation } from './conversations.policy.js';
import type { ConversationsRepository } from './conversations.repository.js';
import { conversationStream, type ConversationEvent } from './conversation-event.js';

interface ConversationsServiceNeeds {
  readonly repository: ConversationsRepository;
  readonly plans: Pick<PlanCatalogue, 'of'>;
  readonly events: EventLog;
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
    const rows = new Map((await this.needs.repository.findMany(ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? new NotFound('Conversation'));
  }

  /** The conversations of each user, newest first, without a permission check: for users that the viewer may see. */
  async ofUsers(
    userIds: readonly string[],
    search: string | null,
    args: PageArguments,
  ): Promise<readonly Connection<ConversationRow>[]> {
    const pages = await this.needs.repository.pages(userIds, search, pageRequest(args));
    const count = once(() => this.needs.repository.count(userIds, search));
    return userIds.map((userId, index) =>
      connectionOf(pages[index] ?? { rows: [], hasNextPage: false, hasPreviousPage: false }, async () => {
        const counts = await count();
        return counts.get(userId) ?? 0;
      }),
    );
  }

  async list(viewer: Viewer, search: string | null, args: PageArguments): Promise<Connection<ConversationRow>> {
    const [connection] = await this.ofUsers([viewer.userId], search, args);
    if (connection === undefined) throw new Error('a page a user');
    return connection;
  }

  /** @throws QuotaExceeded when the plan allows no more conversations */
  async create(viewer: Viewer, values: ConversationChanges): Promise<ConversationRow> {
    const row = await this.needs.repository.insert(
      viewer.userId,
      values,
      (plan) => this.needs.plans.of(plan).maxConversations,
    );
    if (row === undefined) throw new NotFound('User');
    if (row === null) throw new QuotaExceeded();
    return row;
  }

  async update(viewer: Viewer, id: string, changes: ConversationChanges): Promise<ConversationRow> {
    await this.get(viewer, id);
    const row = await this.needs.repository.update(id, changes);
    if (row === null) throw new NotFound('Conversation');
    return row;
  }

  /** Deletes a conversation with its messages, which stops a streaming reply. @returns the deleted conversation */
  async delete(viewer: Viewer, id: string): Promise<ConversationRow> {
    const [row] = await this.deleteOwn(viewer, [id]);
    if (row === undefined) throw new NotFound('Conversation');
    return row;
  }

  /** Deletes those of `ids` that are the viewer's and skips the rest. @returns how many were deleted */
  async deleteMany(viewer: Viewer, ids: readonly string[]): Promise<number> {
    const rows = await this.deleteOwn(viewer, ids);
    return rows.length;
  }

  /** Updates `updatedAt` in the caller's transaction, when a message is added. @throws NotFound */
  async touch(sql: Sql, id: string): Promise<void> {
    if (!(await this.needs.repository.touch(sql, id))) throw new NotFound('Conversation');
  }

  private async deleteOwn(viewer: Viewer, ids: readonly string[]): Promise<readonly ConversationRow[]> {
    const rows = await this.needs.repository.delete(viewer.userId, ids);
    const event: ConversationEvent = { type: 'conversation-deleted' };
    await Promise.all(rows.map((row) => this.needs.events.append(conversationStream(row.id), [event])));
    return rows;
  }
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
