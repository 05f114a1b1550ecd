import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { RestField } from '../../../rest/field.js';
import type * as announcement from './announcement.js';
import { MAX_ANNOUNCEMENT_LENGTH, MAX_DAYS, type AnnouncementRow } from './announcement.js';

const AnnouncementLevel = {
  INFO: 'INFO',
  WARNING: 'WARNING',
  CRITICAL: 'CRITICAL',
} as const satisfies Record<announcement.AnnouncementLevel, announcement.AnnouncementLevel>;
registerEnumType(AnnouncementLevel, {
  name: 'AnnouncementLevel',
  description: 'How much an announcement matters.',
  valuesConfig: {
    INFO: { description: 'News.' },
    WARNING: { description: 'Something will not work, or not as usual, as during maintenance.' },
    CRITICAL: { description: 'Something is wrong now, and concerns everyone.' },
  },
});

const AnnouncementState = {
  SCHEDULED: 'SCHEDULED',
  CURRENT: 'CURRENT',
  ENDED: 'ENDED',
} as const satisfies Record<announcement.AnnouncementState, announcement.AnnouncementState>;
registerEnumType(AnnouncementState, {
  name: 'AnnouncementState',
  description: 'Whether an announcement is shown.',
  valuesConfig: {
    SCHEDULED: { description: 'It has not begun: admins alone see it.' },
    CURRENT: { description: 'It is shown to everyone.' },
    ENDED: { description: 'It is over, for good: admins alone see it.' },
  },
});

@ObjectType('Announcement', {
  simpleResolvers: true,
  description: 'What the operator tells everyone: maintenance, an incident, news.',
})
export class Announcement implements AnnouncementRow {
  @RestField({ name: 'announcement_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, { description: 'Plain text.' })
  readonly text!: string;

  @Field(() => AnnouncementLevel)
  readonly level!: announcement.AnnouncementLevel;

  @Field(() => GraphQLDateTime, { description: 'From when on it is shown.' })
  readonly startsAt!: Date;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'Until when it is shown; null until an admin ends it.' })
  readonly endsAt!: Date | null;

  @Field(() => AnnouncementState)
  readonly state!: announcement.AnnouncementState;

  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;

  @Field(() => GraphQLDateTime, {
    description:
      'When it was changed last. A client that hides what its user has dismissed shows it again when this is later.',
  })
  readonly updatedAt!: Date;
}

export const AnnouncementConnection = connectionType(Announcement, 'Announcement');

const TEXT = `Plain text, of at most ${MAX_ANNOUNCEMENT_LENGTH} characters. Everyone can read it, without a login.`;
const STARTS_AT = `At most ${MAX_DAYS} days away.`;
const ENDS_AT = `In the future, later than the start, and at most ${MAX_DAYS} days away.`;

@InputType({ description: 'Its level is INFO by default.' })
export class CreateAnnouncementInput {
  @Field(() => String, { description: TEXT })
  readonly text!: string;

  @Field(() => AnnouncementLevel, { nullable: true })
  readonly level?: announcement.AnnouncementLevel;

  @Field(() => GraphQLDateTime, { nullable: true, description: `${STARTS_AT} Now by default.` })
  readonly startsAt?: Date | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: `${ENDS_AT} By default it is shown until it is ended.` })
  readonly endsAt?: Date | null;
}

@InputType({ description: 'Fields that are left out stay as they are.' })
export class UpdateAnnouncementInput {
  @Field(() => String, { nullable: true, description: TEXT })
  readonly text?: string;

  @Field(() => AnnouncementLevel, { nullable: true })
  readonly level?: announcement.AnnouncementLevel;

  @Field(() => GraphQLDateTime, { nullable: true, description: STARTS_AT })
  readonly startsAt?: Date;

  @Field(() => GraphQLDateTime, { nullable: true, description: `${ENDS_AT} Null: it is shown until it is ended.` })
  readonly endsAt?: Date | null;
}
