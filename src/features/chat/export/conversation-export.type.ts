import { createUnionType, Field, ObjectType } from 'type-graphql';
import { MAX_PAGE_SIZE } from '../../../kernel/page.js';
import { RestField } from '../../../rest/field.js';
import type { ConversationRow } from '../conversations/conversation.js';
import { Conversation } from '../conversations/conversation.type.js';
import type { MessageRow } from '../messages/message.js';
import { Message } from '../messages/message.type.js';
import type { ExportPart } from './conversation-export.js';

@ObjectType({ simpleResolvers: true, description: 'A conversation begins; its messages follow, page by page.' })
class ExportedConversation {
  readonly type!: 'conversation';

  @RestField({ name: 'conversation' })
  @Field(() => Conversation)
  readonly conversation!: ConversationRow;
}

@ObjectType({ simpleResolvers: true, description: 'Messages of the conversation that began last, oldest first.' })
class ExportedMessages {
  readonly type!: 'messages';

  @RestField({ name: 'messages' })
  @Field(() => [Message], { description: `At most ${MAX_PAGE_SIZE}.` })
  readonly messages!: readonly MessageRow[];
}

const EXPORT_PART_TYPES = {
  conversation: 'ExportedConversation',
  messages: 'ExportedMessages',
} as const satisfies Record<ExportPart['type'], string>;

export const ConversationExportPart = createUnionType({
  name: 'ConversationExportPart',
  types: () => [ExportedConversation, ExportedMessages] as const,
  resolveType: (part) => EXPORT_PART_TYPES[part.type],
});
