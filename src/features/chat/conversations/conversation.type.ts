import { GraphQLDateTime } from 'graphql-scalars';
import {
  ArgsType,
  createUnionType,
  Field,
  Float,
  ID,
  InputType,
  Int,
  ObjectType,
  registerEnumType,
} from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { ReadableBy } from '../../../graphql/token-access.js';
import { ForwardPage, OffsetPage } from '../../../graphql/page-arguments.js';
import { figure } from '../../../kernel/figures.js';
import { RestField } from '../../../rest/field.js';
import { MAX_INSTRUCTIONS_LENGTH, MAX_MODEL_NAME_LENGTH, MAX_REPLY_TOKENS, MAX_TEMPERATURE } from '../models/model.js';
import { EVENT_SEQUENCE, EventsExpired } from '../feeds/event-feed.type.js';
import {
  MAX_LABEL_LENGTH,
  MAX_SEARCH_LENGTH,
  MAX_STATUS_LENGTH,
  MAX_TITLE_LENGTH,
  NEWEST_FIRST,
  type ConversationChanges,
  type ConversationFilter,
  type ConversationRow,
} from './conversation.js';
import type * as conversation from './conversation.js';

const TITLE = `At most ${MAX_TITLE_LENGTH} characters.`;
const STATUS = `At most ${MAX_STATUS_LENGTH} characters.`;
const INSTRUCTIONS = `What the model is told before each question, beside the service's own words; it counts as a part of each prompt. At most ${figure(MAX_INSTRUCTIONS_LENGTH)} characters.`;
const TEMPERATURE = `How freely the model chooses its words: from 0 to ${MAX_TEMPERATURE}.`;
const MAX_TOKENS = `Tokens of an answer, at most: from 1 to ${figure(MAX_REPLY_TOKENS)}. The model's own limit holds, too.`;
const MODEL_NAME = `At most ${MAX_MODEL_NAME_LENGTH} characters. BAD_USER_INPUT for an unknown model, QUOTA_EXCEEDED \`Upgrade required\` for one that is not in the caller's plan.`;
const LABEL = `From 1 to ${MAX_LABEL_LENGTH} characters.`;
const QUERY = `Part of the title, in any case; at most ${MAX_SEARCH_LENGTH} characters.`;

@ReadableBy('conversations:read')
@ObjectType('Conversation', {
  implements: Node,
  simpleResolvers: true,
  description: 'A dialogue of one user with the model. Its messages are what the model remembers of it.',
})
export class Conversation implements Omit<ConversationRow, 'userId'> {
  @RestField({ name: 'conversation_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, { nullable: true, description: `${TITLE} Null where none was given.` })
  readonly title!: string | null;

  @Field(() => String, {
    nullable: true,
    description: `The client's own mark, as \`archived\`; at most ${MAX_STATUS_LENGTH} characters. Null where none was given.`,
  })
  readonly status!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The name of the model that answers here, of those that `models` lists. Null for the default one.',
  })
  readonly model!: string | null;

  @Field(() => String, { nullable: true, description: `${INSTRUCTIONS} Null for none.` })
  readonly instructions!: string | null;

  @Field(() => Float, { nullable: true, description: `${TEMPERATURE} Null for the model's default.` })
  readonly temperature!: number | null;

  @Field(() => Int, { nullable: true, description: `${MAX_TOKENS} Null for that alone.` })
  readonly maxTokens!: number | null;

  @Field(() => Boolean, { description: 'Whether its user keeps it at hand.' })
  readonly isPinned!: boolean;

  @Field(() => Boolean, {
    description:
      'Whether its user has put it away. Lists have it all the same, unless `isArchived: false` asks for the others.',
  })
  readonly isArchived!: boolean;

  @Field(() => String, { nullable: true, description: `What its user sorts it under. ${LABEL} Null for none.` })
  readonly label!: string | null;

  @Field(() => Int, { description: 'How many messages its current branch has.' })
  readonly messageCount!: number;

  @Field(() => Int, {
    description: 'How many of them the model wrote after the message that `markRead` was called with.',
  })
  readonly unreadCount!: number;

  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;

  @Field(() => GraphQLDateTime, {
    description:
      'When it was changed, or something was said in it, last. Reading, pins, labels and the archive do not count.',
  })
  readonly updatedAt!: Date;
}

export const ConversationConnection = connectionType(Conversation, 'Conversation');

@InputType()
abstract class ConversationInput {
  @Field(() => Boolean, { nullable: true, description: 'Whether to keep it at hand. Not null.' })
  readonly isPinned?: boolean;

  @Field(() => Boolean, { nullable: true, description: 'Whether to put it away. Not null.' })
  readonly isArchived?: boolean;

  @Field(() => String, { nullable: true, description: `What to sort it under. ${LABEL}` })
  readonly label?: string | null;

  @Field(() => String, {
    nullable: true,
    description: `The name of the model that answers here; see \`models\`. ${MODEL_NAME}`,
  })
  readonly model?: string | null;

  @Field(() => String, { nullable: true, description: INSTRUCTIONS })
  readonly instructions?: string | null;

  @Field(() => Float, { nullable: true, description: TEMPERATURE })
  readonly temperature?: number | null;

  @Field(() => Int, { nullable: true, description: MAX_TOKENS })
  readonly maxTokens?: number | null;
}

@InputType({ description: 'What a new conversation begins with; all of it may be left out.' })
export class CreateConversationInput extends ConversationInput implements ConversationChanges {
  @Field(() => String, { nullable: true, description: TITLE })
  readonly title?: string | null;

  @Field(() => String, { nullable: true, description: STATUS })
  readonly status?: string | null;
}

@InputType({ description: 'A field left out stays as it is; null clears it.' })
export class UpdateConversationInput extends ConversationInput implements ConversationChanges {
  @Field(() => String, { nullable: true, description: TITLE })
  readonly title?: string | null;

  @Field(() => String, { nullable: true, description: STATUS })
  readonly status?: string | null;
}

type Order = conversation.ConversationOrder;

const OrderField = { CREATED_AT: 'CREATED_AT', UPDATED_AT: 'UPDATED_AT' } as const satisfies Record<
  Order['field'],
  Order['field']
>;
registerEnumType(OrderField, {
  name: 'ConversationOrderField',
  description: 'What conversations are ordered by; those with equal times are ordered by id.',
  valuesConfig: {
    CREATED_AT: { description: 'When it was begun. Does not change while a list is read.' },
    UPDATED_AT: {
      description:
        'When it was changed, or something was said in it, last. A conversation that changes while a list is read moves in it, and can be missed or seen twice: `conversationListEvents` tells of it.',
    },
  },
});

const OrderDirection = { ASC: 'ASC', DESC: 'DESC' } as const satisfies Record<Order['direction'], Order['direction']>;
registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'The direction of an order.',
  valuesConfig: { ASC: { description: 'Oldest first.' }, DESC: { description: 'Newest first.' } },
});

@InputType({ description: 'The order of a list of conversations. A cursor continues a list in the same order.' })
class ConversationOrder implements Order {
  @Field(() => OrderField, { defaultValue: NEWEST_FIRST.field })
  readonly field!: Order['field'];

  @Field(() => OrderDirection, { defaultValue: NEWEST_FIRST.direction })
  readonly direction!: Order['direction'];
}

const ORDER = 'By default by `CREATED_AT`, newest first.';

@ArgsType()
export class ConversationSearch extends ForwardPage implements ConversationFilter {
  @Field(() => String, { nullable: true, description: QUERY })
  readonly query!: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Those that are pinned, or those that are not.' })
  readonly isPinned!: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'Those that are archived, or those that are not.' })
  readonly isArchived!: boolean | null;

  @Field(() => String, {
    nullable: true,
    description: `Those with this label; at most ${MAX_LABEL_LENGTH} characters.`,
  })
  readonly label!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Those in which the model wrote something that was not read, or the others.',
  })
  readonly isUnread!: boolean | null;

  @Field(() => ConversationOrder, { nullable: true, description: ORDER })
  readonly orderBy!: ConversationOrder | null;
}

@ArgsType()
export class ConversationList extends OffsetPage implements ConversationFilter {
  @Field(() => String, { nullable: true, description: QUERY })
  readonly query!: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Those that are pinned, or those that are not.' })
  readonly isPinned!: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'Those that are archived, or those that are not.' })
  readonly isArchived!: boolean | null;

  @Field(() => String, {
    nullable: true,
    description: `Those with this label; at most ${MAX_LABEL_LENGTH} characters.`,
  })
  readonly label!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Those in which the model wrote something that was not read, or the others.',
  })
  readonly isUnread!: boolean | null;

  @Field(() => ConversationOrder, { nullable: true, description: ORDER })
  readonly orderBy!: ConversationOrder | null;
}

@ObjectType({ simpleResolvers: true, description: 'Which conversations a call deleted.' })
export class DeletedConversations {
  @Field(() => Int, { description: 'How many.' })
  readonly count!: number;

  @Field(() => [ID], { description: 'Their ids, in no particular order.' })
  readonly ids!: readonly string[];
}

@ObjectType({ simpleResolvers: true, description: 'A conversation was begun.' })
class ConversationCreated {
  readonly type!: 'created';
  @Field(() => Int, { description: EVENT_SEQUENCE })
  readonly sequence!: number;

  @Field(() => Conversation)
  readonly conversation!: ConversationRow;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'A conversation was changed or read, something was said in it, a reply in it has ended, or its messages were changed, or are others than before. Its `updatedAt` says where it stands in a list by `UPDATED_AT`.',
})
class ConversationUpdated {
  readonly type!: 'updated';
  @Field(() => Int, { description: EVENT_SEQUENCE })
  readonly sequence!: number;

  @Field(() => Conversation)
  readonly conversation!: ConversationRow;
}

@ObjectType({ simpleResolvers: true, description: 'A conversation was deleted.' })
class ConversationDeleted {
  readonly type!: 'deleted';
  @Field(() => Int, { description: EVENT_SEQUENCE })
  readonly sequence!: number;

  @Field(() => ID)
  readonly conversationId!: string;
}

const LIST_EVENT_TYPES = {
  created: 'ConversationCreated',
  updated: 'ConversationUpdated',
  deleted: 'ConversationDeleted',
  expired: 'EventsExpired',
} as const;

export type ConversationListEventRow = { readonly sequence: number } & (
  | { readonly type: 'created' | 'updated'; readonly conversation: ConversationRow }
  | { readonly type: 'deleted'; readonly conversationId: string }
  | { readonly type: 'expired' }
);

export const ConversationListEvent = createUnionType({
  name: 'ConversationListEvent',
  description: "A change in a user's list of conversations.",
  types: () => [ConversationCreated, ConversationUpdated, ConversationDeleted, EventsExpired] as const,
  resolveType: (event) => LIST_EVENT_TYPES[event.type],
});
