import { GraphQLDate, GraphQLDateTime } from 'graphql-scalars';
import { ArgsType, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { RestField } from '../../../rest/field.js';
import { MAX_USAGE_DAYS, type DailyUsageRow, type DateRange, type UsageEntryRow } from './usage.js';
import type * as usage from './usage.js';

const UsageKind = {
  CHAT: 'CHAT',
  REPLY: 'REPLY',
  MESSAGE: 'MESSAGE',
  UPLOAD: 'UPLOAD',
} as const satisfies Record<usage.UsageKind, usage.UsageKind>;
registerEnumType(UsageKind, {
  name: 'UsageKind',
  description: 'What a line of the ledger was for.',
  valuesConfig: {
    CHAT: { description: 'A chat.' },
    REPLY: { description: 'A message that the model was asked to answer.' },
    MESSAGE: { description: 'A message alone; it takes no tokens.' },
    UPLOAD: { description: 'An uploaded file.' },
  },
});

const UsageSource = { REPORTED: 'REPORTED', ESTIMATED: 'ESTIMATED' } as const satisfies Record<
  usage.UsageSource,
  usage.UsageSource
>;
registerEnumType(UsageSource, {
  name: 'UsageSource',
  description: "REPORTED by the model's provider, or ESTIMATED with its tokenizer where no report came.",
});

@ObjectType('DailyUsage', {
  implements: Node,
  simpleResolvers: true,
  description: 'What a user used on one UTC day, running replies with all that they reserved.',
})
export class DailyUsage implements Omit<DailyUsageRow, 'date' | 'userId'> {
  @RestField({ name: 'usage_id' })
  @Field(() => ID)
  readonly id!: string;

  @RestField({ name: 'user_id', value: { type: 'ID!', from: (row: DailyUsageRow) => row.userId } })
  @Field(() => ID, { description: 'Whose usage it is.' })
  readonly userId!: string;

  @Field(() => GraphQLDate, { description: 'The UTC day.' })
  readonly date!: string;

  @Field(() => Int, { description: 'Messages and chats sent.' })
  readonly messageCount!: number;

  @Field(() => Int, { description: 'Tokens of prompts and answers together.' })
  readonly tokenCount!: number;

  @Field(() => Int, { description: 'Files uploaded.' })
  readonly fileUploads!: number;
}

@ObjectType('UsageEntry', {
  implements: Node,
  simpleResolvers: true,
  description: 'One line of the usage ledger: what was reserved, what it came to, and where the figure is from.',
})
class UsageEntry implements Omit<UsageEntryRow, 'userId' | 'promptTokens'> {
  @Field(() => ID)
  readonly id!: string;

  @Field(() => GraphQLDateTime, { description: 'When it was reserved.' })
  readonly createdAt!: Date;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'Null while the model is still answering.' })
  readonly settledAt!: Date | null;

  @Field(() => UsageKind)
  readonly kind!: usage.UsageKind;

  @Field(() => Int, { description: 'Tokens held back until it was settled.' })
  readonly reservedTokens!: number;

  @Field(() => Int, { nullable: true, description: 'Tokens that it came to. Null while it is not settled.' })
  readonly tokens!: number | null;

  @Field(() => UsageSource, {
    nullable: true,
    description: 'Null while it is not settled, and where no tokens were in play.',
  })
  readonly source!: usage.UsageSource | null;

  @Field(() => ID, { nullable: true, description: "The model's reply; null for what was not stored." })
  readonly messageId!: string | null;
}

export const UsageEntryConnection = connectionType(UsageEntry, 'UsageEntry');

@ArgsType()
export class UsageRange implements DateRange {
  @Field(() => GraphQLDate, {
    nullable: true,
    description: `The first day, included; by default ${MAX_USAGE_DAYS - 1} days before \`until\`.`,
  })
  readonly since!: Date | null;

  @Field(() => GraphQLDate, { nullable: true, description: 'The last day, included; by default today, in UTC.' })
  readonly until!: Date | null;
}
