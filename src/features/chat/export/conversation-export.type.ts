import { createUnionType, Field, ID, Int, ObjectType } from 'type-graphql';
import { MAX_PAGE_SIZE } from '../../../kernel/page.js';
import { RestField } from '../../../rest/field.js';
import type { ConversationRow } from '../conversations/conversation.js';
import { Conversation } from '../conversations/conversation.type.js';
import type { ConversationSummaryRow, MessageRow } from '../messages/message.js';
import { Message } from '../messages/message.type.js';
import type { ExportPart } from './conversation-export.js';

@ObjectType({ simpleResolvers: true, description: 'A conversation with how many messages it has.' })
export class ConversationSummary implements ConversationSummaryRow {
  @RestField({ name: 'conversation_id' })
  @Field(() => ID, { description: 'The id of the conversation.' })
  readonly id!: string;

  @Field(() => String, { nullable: true, description: 'Null where none was given.' })
  readonly title!: string | null;

  @Field(() => Int)
  readonly messageCount!: number;
}

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
  description: 'One part of an export: a conversation, or some of its messages.',
  types: () => [ExportedConversation, ExportedMessages] as const,
  resolveType: (part) => EXPORT_PART_TYPES[part.type],
});
