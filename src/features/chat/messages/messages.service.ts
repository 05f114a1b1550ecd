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
  /** Aborts when the server shuts down: streams that have no end of their own end then. */
  readonly closing: AbortSignal;
}

export class MessagesService {
  constructor(private readonly needs: MessagesServiceNeeds) {}

  /** @throws NotFound for one of someone else's conversations too */
  async get(viewer: Viewer, id: string): Promise<MessageRow> {
    const message = await this.findVisible(viewer, id);
    if (message === null) throw new NotFound('Message');
    return message;
  }

  findVisible(viewer: Viewer, id: string): Promise<MessageRow | null> {
    return this.needs.repository.findOwned(viewer.userId, id);
  }

  /** By id, in the order of the ids. For fields of objects that the viewer was shown already. */
  async load(ids: readonly string[]): Promise<readonly (MessageRow | Error)[]> {
    const rows = new Map((await this.needs.repository.findMany(ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? new NotFound('Message'));
  }

  /** The messages of each conversation, oldest first. For conversations that the viewer was shown already. */
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

  /** The messages of the viewer's own conversations whose text holds `part`, in any case, newest first. */
  async search(viewer: Viewer, part: string, args: PageArguments): Promise<Connection<MessageRow>> {
    const page = await this.needs.repository.search(viewer.userId, part, pageRequest(args));
    return connectionOf(page, () => this.needs.repository.countFound(viewer.userId, part));
  }

  /** Adds messages of one conversation, in the caller's transaction. Tell of them with {@link publish} once it is through. */
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

  /** Deletes a message; a reply that is streaming stops. @returns it as it was */
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
   * The events of a conversation from now on, until the reader stops, the conversation is deleted or the server ends.
   * @throws NotFound for someone else's conversation too
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

  /** Texts of a conversation before a message, newest first. */
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
