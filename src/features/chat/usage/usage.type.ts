import { GraphQLDate, GraphQLDateTime } from 'graphql-scalars';
import { ArgsType, Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { ReadableBy } from '../../../graphql/token-access.js';
import { RestField } from '../../../rest/field.js';
import {
  MAX_USAGE_DAYS,
  type DailyUsageRow,
  type DateRange,
  type UsageEntryRow,
  type UsageSummaryRow,
} from './usage.js';
import type * as usage from './usage.js';

const UsageKind = {
  CHAT: 'CHAT',
  REPLY: 'REPLY',
  MESSAGE: 'MESSAGE',
  UPLOAD: 'UPLOAD',
  TITLE: 'TITLE',
  CORRECTION: 'CORRECTION',
} as const satisfies Record<usage.UsageKind, usage.UsageKind>;
registerEnumType(UsageKind, {
  name: 'UsageKind',
  description: 'What a line of the ledger was for.',
  valuesConfig: {
    CHAT: { description: 'A chat.' },
    REPLY: { description: 'A message that the model was asked to answer.' },
    MESSAGE: { description: 'A message alone; it takes no tokens.' },
    UPLOAD: { description: 'An uploaded file.' },
    TITLE: { description: 'A title that the model gave a conversation; it is no message of the day.' },
    CORRECTION: { description: 'What an admin added to the counts of the day or, negative, gave back.' },
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

@ReadableBy('usage:read')
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

@ReadableBy('usage:read')
@ObjectType('UsageEntry', {
  implements: Node,
  simpleResolvers: true,
  description: 'One line of the usage ledger: what was reserved, what it came to, and where the figure is from.',
})
class UsageEntry implements Omit<UsageEntryRow, 'userId' | 'promptTokens'> {
  @RestField({ name: 'entry_id' })
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

  @RestField({ value: { type: 'String', from: (row: UsageEntryRow) => row.source } })
  @Field(() => UsageSource, {
    nullable: true,
    description: 'Null while it is not settled, and where no tokens were in play.',
  })
  readonly source!: usage.UsageSource | null;

  @Field(() => String, {
    nullable: true,
    description: 'The name of the model that answered, or is asked. Null where none was, and before this was kept.',
  })
  readonly model!: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Of `tokens`, those of the prompt that the provider had cached. Null also where it did not say.',
  })
  readonly cachedTokens!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: "Of `tokens`, those of the answer, with the model's reasoning. Null while it is not settled.",
  })
  readonly completionTokens!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: "Of `completionTokens`, those of the model's reasoning. Null also where the provider did not say.",
  })
  readonly reasoningTokens!: number | null;

  @Field(() => String, {
    nullable: true,
    description:
      "What it cost, exactly, in whole units of the currency of the model's price, as a decimal: `0.00002145`. Null while it is not settled, and where the model has no price.",
  })
  readonly cost!: string | null;

  @Field(() => ID, { nullable: true, description: "The model's reply; null for what was not stored." })
  readonly messageId!: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Of a CORRECTION: the messages of the day that it added or, negative, gave back. Null for all else.',
  })
  readonly messages!: number | null;
}

export const UsageEntryConnection = connectionType(UsageEntry, 'UsageEntry');

const UsageGroup = { DAY: 'DAY', MODEL: 'MODEL', KIND: 'KIND' } as const satisfies Record<
  usage.SummaryGroup,
  usage.SummaryGroup
>;
registerEnumType(UsageGroup, {
  name: 'UsageGroup',
  description: 'By what usage is added up.',
  valuesConfig: {
    DAY: { description: 'The UTC day that it counts towards; newest first.' },
    MODEL: { description: 'The model that was asked; most tokens first.' },
    KIND: { description: 'What it was for, as `UsageKind` has it; most tokens first.' },
  },
});

@ObjectType({ simpleResolvers: true, description: 'What was used on a day, of a model, or for one kind of thing.' })
export class UsageSummary implements UsageSummaryRow {
  @Field(() => String, {
    nullable: true,
    description: 'The day (`YYYY-MM-DD`), the name of the model, or the kind. Null for what was used of no model.',
  })
  readonly group!: string | null;

  @Field(() => Int, { description: 'Lines of the ledger.' })
  readonly count!: number;

  @Field(() => Float, {
    description: 'Whole tokens of prompts and answers together; running replies with all that they reserved.',
  })
  readonly tokens!: number;

  @Field(() => Float, { description: 'Of them, those of answers.' })
  readonly completionTokens!: number;

  @Field(() => String, {
    nullable: true,
    description: 'What it cost, exactly, in whole units of the currency, as a decimal. Null where nothing had a price.',
  })
  readonly cost!: string | null;
}

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

@ArgsType()
export class UsageSummaryArguments extends UsageRange {
  @Field(() => UsageGroup, { defaultValue: 'DAY', description: 'By what to add it up.' })
  readonly by!: usage.SummaryGroup;
}
