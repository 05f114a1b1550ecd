import type { PageRequest } from '../../kernel/page.js';
import type { Viewer } from '../../kernel/viewer.js';
import type { ConversationRow } from './conversation.js';
import type { ConversationsRepository } from './conversations.repository.js';
import type { MessageRow } from './message.js';
import type { MessagesRepository } from './messages.repository.js';

/** Rows that are in memory at a time, of conversations and of messages each. */
const PAGE_SIZE = 100;

/** A part of an export: a conversation begins, or some messages of the one that began last. */
export type ExportPart =
  | { readonly type: 'conversation'; readonly conversation: ConversationRow }
  | { readonly type: 'messages'; readonly messages: readonly MessageRow[] };

/** All that a user's conversations hold, page by page, as fast as it is read. */
export class ConversationExport {
  constructor(
    private readonly conversations: Pick<ConversationsRepository, 'pages'>,
    private readonly messages: Pick<MessagesRepository, 'pages'>,
  ) {}

  /**
   * Conversations newest first, the messages of each oldest first. What is changed meanwhile may be in it as it was or as
   * it is.
   */
  async *all(viewer: Viewer): AsyncGenerator<ExportPart, void, undefined> {
    const conversations = pages((request) => this.conversations.pages([viewer.userId], null, request));
    for await (const page of conversations) {
      for (const conversation of page) {
        yield { type: 'conversation', conversation };
        for await (const messages of pages((request) => this.messages.pages([conversation.id], request))) {
          yield { type: 'messages', messages };
        }
      }
    }
  }
}

type ReadPages<Row> = (
  request: PageRequest,
) => Promise<readonly { readonly rows: readonly Row[]; readonly hasNextPage: boolean }[]>;

/** The pages of one list, by the id of the last row before: each costs the same at any depth. */
async function* pages<Row extends { readonly id: string }>(
  read: ReadPages<Row>,
): AsyncGenerator<readonly Row[], void, undefined> {
  let after: string | null = null;
  for (;;) {
    const [page] = await read({ size: PAGE_SIZE, forward: true, after, before: null, offset: 0 });
    if (page === undefined || page.rows.length === 0) return;
    yield page.rows;
    if (!page.hasNextPage) return;
    after = page.rows.at(-1)?.id ?? null;
  }
}
