import { Conflict, NotFound } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Sql } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import { conversationStream, type ConversationEvent } from '../conversations/conversation-event.js';
import type { MessageChanges, MessageRow, NewMessage } from './message.js';
import type { MessagesRepository, Remark } from './messages.repository.js';

interface MessagesServiceNeeds {
  readonly repository: MessagesRepository;
  readonly conversations: Pick<ConversationsService, 'get' | 'touch'>;
  readonly events: EventLog;
  /** Aborts when the server shuts down, which ends the streams that would otherwise never end. */
  readonly closing: AbortSignal;
}

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

  /** Messages per conversation, oldest first, without a permission check: for conversations that the viewer may see. */
  async ofConversations(
    conversationIds: readonly string[],
    args: PageArguments,
  ): Promise<readonly Connection<MessageRow>[]> {
    const pages = await this.needs.repository.pages(conversationIds, pageRequest(args));
    let counts: Promise<ReadonlyMap<string, number>> | undefined;
    return conversationIds.map((id, index) =>
      connectionOf(pages[index] ?? { rows: [], hasNextPage: false, hasPreviousPage: false }, async () => {
        counts ??= this.needs.repository.count(conversationIds);
        return (await counts).get(id) ?? 0;
      }),
    );
  }

  /** Finds messages in the viewer's own conversations whose text contains `part` (case-insensitive), newest first. */
  async search(viewer: Viewer, part: string, args: PageArguments): Promise<Connection<MessageRow>> {
    const page = await this.needs.repository.search(viewer.userId, part, pageRequest(args));
    return connectionOf(page, () => this.needs.repository.countFound(viewer.userId, part));
  }

  /** Inserts messages into one conversation, in the caller's transaction. Call {@link publish} after the commit. */
  async insert(sql: Sql, messages: readonly [NewMessage, ...NewMessage[]]): Promise<readonly MessageRow[]> {
    await this.needs.conversations.touch(sql, messages[0].conversationId);
    const rows: MessageRow[] = [];
    for (const message of messages) rows.push(await this.needs.repository.insert(sql, message));
    return rows;
  }

  /** @throws Conflict while the message is a reply that is streaming */
  async update(viewer: Viewer, id: string, changes: MessageChanges): Promise<MessageRow> {
    const message = await this.get(viewer, id);
    if (message.status === 'STREAMING') throw new Conflict('The reply is still streaming');
    const row = await this.needs.repository.update(id, changes);
    if (row === null) throw new NotFound('Message');
    await this.publish(row.conversationId, { type: 'updated', messageId: id });
    return row;
  }

  /** Deletes a message; a streaming reply stops. @returns the deleted message */
  async delete(viewer: Viewer, id: string): Promise<MessageRow> {
    await this.get(viewer, id);
    const row = await this.needs.repository.delete(id);
    if (row === null) throw new NotFound('Message');
    await this.publish(row.conversationId, { type: 'deleted', messageId: id });
    return row;
  }

  async publish(conversationId: string, ...events: readonly ConversationEvent[]): Promise<void> {
    await this.needs.events.append(conversationStream(conversationId), events);
  }

  /**
   * Streams the conversation's events from now on, until the consumer stops, the conversation is deleted or the server
   * shuts down.
   * @throws NotFound when the conversation does not exist or is another user's
   */
  async follow(
    viewer: Viewer,
    conversationId: string,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<ConversationEvent>> {
    await this.needs.conversations.get(viewer, conversationId);
    const either = AbortSignal.any([signal, this.needs.closing]);
    const entries = await this.needs.events.follow<ConversationEvent>(
      conversationStream(conversationId),
      'latest',
      either,
    );
    return eventsOf(entries);
  }

  /** Messages of the user and the model with a text, before the message `before`, newest first. */
  remarks(conversationId: string, before: string, limit: number): Promise<readonly Remark[]> {
    return this.needs.repository.remarks(conversationId, before, limit);
  }
}

async function* eventsOf(
  entries: AsyncIterable<{ readonly event: ConversationEvent }>,
): AsyncGenerator<ConversationEvent, void, undefined> {
  for await (const { event } of entries) {
    if (event.type === 'conversation-deleted') return;
    yield event;
  }
}
