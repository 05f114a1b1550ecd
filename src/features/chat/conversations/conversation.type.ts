import { GraphQLDateTime } from 'graphql-scalars';
import { ArgsType, Field, ID, InputType, ObjectType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { ForwardPage, OffsetPage } from '../../../graphql/page-arguments.js';
import { Node } from '../../../graphql/node.js';
import { RestField } from '../../../rest/field.js';
import { MAX_SEARCH_LENGTH, type ConversationChanges, type ConversationRow } from './conversation.js';

@ObjectType('Conversation', {
  implements: Node,
  simpleResolvers: true,
  description: 'A dialogue of one user with the model. Its messages are what the model remembers of it.',
})
export class Conversation implements Omit<ConversationRow, 'userId'> {
  @RestField({ name: 'conversation_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, { nullable: true, description: 'At most 200 characters. Null where none was given.' })
  readonly title!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The client's own mark, as `archived`; at most 50 characters. Null where none was given.",
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
  @Field(() => String, { nullable: true, description: 'At most 200 characters.' })
  readonly title?: string | null;

  @Field(() => String, { nullable: true, description: 'At most 50 characters.' })
  readonly status?: string | null;
}

@InputType({ description: 'A field left out stays as it is; null clears it.' })
export class UpdateConversationInput implements ConversationChanges {
  @Field(() => String, { nullable: true, description: 'At most 200 characters.' })
  readonly title?: string | null;

  @Field(() => String, { nullable: true, description: 'At most 50 characters.' })
  readonly status?: string | null;
}

const QUERY_DESCRIPTION = `Part of the title, in any case; at most ${MAX_SEARCH_LENGTH} characters.`;

@ArgsType()
export class ConversationSearch extends ForwardPage {
  @Field(() => String, { nullable: true, description: QUERY_DESCRIPTION })
  readonly query!: string | null;
}

@ArgsType()
export class ConversationList extends OffsetPage {
  @Field(() => String, { nullable: true, description: QUERY_DESCRIPTION })
  readonly query!: string | null;
}
