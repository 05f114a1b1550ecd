import { GraphQLDateTime } from 'graphql-scalars';
import { ArgsType, Field, ID, InputType, ObjectType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { ForwardPage, OffsetPage } from '../../../graphql/page-arguments.js';
import { RestField } from '../../../rest/field.js';
import {
  MAX_SEARCH_LENGTH,
  MAX_STATUS_LENGTH,
  MAX_TITLE_LENGTH,
  type ConversationChanges,
  type ConversationRow,
} from './conversation.js';

const TITLE = `At most ${MAX_TITLE_LENGTH} characters.`;
const STATUS = `At most ${MAX_STATUS_LENGTH} characters.`;
const QUERY = `Part of the title, in any case; at most ${MAX_SEARCH_LENGTH} characters.`;

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

  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;

  @Field(() => GraphQLDateTime, { description: 'When it was changed, or something was said in it, last.' })
  readonly updatedAt!: Date;
}

export const ConversationConnection = connectionType(Conversation, 'Conversation');

@InputType()
export class CreateConversationInput implements ConversationChanges {
  @Field(() => String, { nullable: true, description: TITLE })
  readonly title?: string | null;

  @Field(() => String, { nullable: true, description: STATUS })
  readonly status?: string | null;
}

@InputType({ description: 'A field left out stays as it is; null clears it.' })
export class UpdateConversationInput implements ConversationChanges {
  @Field(() => String, { nullable: true, description: TITLE })
  readonly title?: string | null;

  @Field(() => String, { nullable: true, description: STATUS })
  readonly status?: string | null;
}

@ArgsType()
export class ConversationSearch extends ForwardPage {
  @Field(() => String, { nullable: true, description: QUERY })
  readonly query!: string | null;
}

@ArgsType()
export class ConversationList extends OffsetPage {
  @Field(() => String, { nullable: true, description: QUERY })
  readonly query!: string | null;
}
