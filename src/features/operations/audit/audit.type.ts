import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { ArgsType, Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import { MAX_USER_AGENT_LENGTH } from '../../../kernel/caller.js';
import type { AuditAction as Action } from '../../../ports/audit-log.js';
import { RestField } from '../../../rest/field.js';
import type { AuditEventRow } from './audit-event.js';

const DESCRIPTIONS: Readonly<Record<Action, string>> = {
  LOGIN: 'A user logged in; `details` has by what `means`, and the `sessionId`.',
  LOGIN_FAILED: "A login was refused; `details.reason` says why. Without a subject where the address is nobody's.",
  LOGOUT: 'A user logged out; `details.sessionId` is the session that ended.',
  SESSION_REVOKED:
    'A session was ended by its user or by an admin; `details.sessionId` says which, or `details.sessions` how many an admin ended together.',
  REFRESH_TOKEN_REUSED: 'A refresh token came again too late; its session, `details.sessionId`, is over.',
  PASSWORD_CHANGED: 'A password was changed, by its user or by an admin.',
  PASSWORD_RESET: 'A password was set with a code that came by mail.',
  EMAIL_VERIFIED:
    "An e-mail address was confirmed with a code that came by mail; or by a login provider's word, where `details.by` is `provider`.",
  USER_CREATED: 'An account was made. Without an actor where its user signed up.',
  USER_UPDATED: 'An account was changed; `details.fields` names what changed.',
  USER_DELETED: 'An account was deleted.',
  USER_SUSPENDED: 'An account was suspended.',
  USER_REINSTATED: 'The suspension of an account ended.',
  USER_RESTORED: 'A deleted account was brought back.',
  ADMIN_GRANTED: 'A user was made an admin.',
  ADMIN_REVOKED: 'A user is no admin any more.',
  PLAN_CHANGED: 'A user was put on another plan; `details` has `from` and `to`.',
  ACTED_AS_USER: 'A trusted internal caller did something as the subject; `details.operation` says what.',
  IDENTITY_LINKED: "An account was linked with a login provider's.",
  IDENTITY_UNLINKED: "The link with a login provider's account was removed.",
  SECOND_FACTOR_ENABLED: 'A second factor was switched on.',
  SECOND_FACTOR_DISABLED: 'A second factor was switched off.',
  SECOND_FACTOR_FAILED: 'A second factor was refused.',
  RECOVERY_CODE_USED: 'A recovery code took the place of a second factor.',
  PASSKEY_ADDED: 'A passkey was added to an account.',
  PASSKEY_REMOVED: 'A passkey was removed from an account.',
  INVITATION_CREATED: 'An admin made an invitation to sign up.',
  INVITATION_REVOKED: 'An admin revoked an invitation.',
  ACCOUNT_CHANGE_UNDONE: 'A change of a password or an e-mail address was undone with a link that came by mail.',
  RECOVERY_CODES_REPLACED: 'New recovery codes were made.',
  ACCESS_TOKEN_CREATED: 'A personal access token was made; `details` has its `tokenId`, `scopes` and `expiresAt`.',
  ACCESS_TOKEN_REVOKED:
    'A personal access token was revoked, by its user or by an admin; `details.tokenId` says which.',
  TOOL_CALLED:
    "The model called a tool of the operator's for a user; `details` has `conversationId`, `messageId` (the reply), `server`, `tool`, `outcome` and `durationMs`, and nothing of what was asked or answered.",
  REPLY_STOPPED:
    "An admin stopped a reply of the subject's; `details` has `messageId`, `conversationId` and, where one was given, the `reason`.",
  JOB_RETRIED: 'An admin had jobs done again that were given up; `details` has the `queue` and the `jobIds`.',
  JOB_DROPPED: 'An admin dropped jobs that were given up; `details` has the `queue` and the `jobIds`.',
  USAGE_CORRECTED:
    'An admin changed what a user has used today; `details` has `messages`, `tokens`, the `reason` and the `entryId` of the ledger.',
  MODEL_BREAKER_CLOSED:
    'An admin had all instances ask a model again that was left alone; `details` has the `model` and, where one was given, the `reason`.',
  ANNOUNCEMENT_CREATED:
    'An admin told everyone something; `details` has the `announcementId`, `text`, `level`, `startsAt` and `endsAt`.',
  ANNOUNCEMENT_UPDATED: 'An admin changed an announcement; `details` has the `announcementId` and the new values.',
  ANNOUNCEMENT_ENDED: 'An admin ended an announcement; `details.announcementId` says which.',
};

const entriesOf = <Value>(valueOf: (action: Action) => Value) =>
  Object.fromEntries(Object.keys(DESCRIPTIONS).map((action) => [action, valueOf(action as Action)]));

const AuditAction = entriesOf((action) => action);
registerEnumType(AuditAction, {
  name: 'AuditAction',
  description: 'What the audit log records.',
  valuesConfig: entriesOf((action) => ({ description: DESCRIPTIONS[action] })),
});

@ObjectType('AuditEvent', {
  implements: Node,
  simpleResolvers: true,
  description: 'Something that was done to an account, or was tried. It never changes.',
})
export class AuditEvent implements AuditEventRow {
  @RestField({ name: 'event_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => AuditAction)
  readonly action!: Action;

  @Field(() => ID, {
    nullable: true,
    description: 'The user who did it. Null for a stranger, an internal caller, an operator, or the service itself.',
  })
  readonly actorId!: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "The user to whom it was done, who is often the actor. Null where it was nobody's account.",
  })
  readonly subjectId!: string | null;

  @Field(() => String, { nullable: true, description: 'Where it was done from. Null where that is not known.' })
  readonly ipAddress!: string | null;

  @Field(() => String, {
    nullable: true,
    description: `What the client called itself, the first ${MAX_USER_AGENT_LENGTH} characters. Null when it did not.`,
  })
  readonly userAgent!: string | null;

  @Field(() => GraphQLJSONObject, {
    description:
      'What else there is to know, by action; `{}` for many. Never a password, a code, a token or an address.',
  })
  readonly details!: Readonly<Record<string, unknown>>;

  @Field(() => GraphQLDateTime, { description: 'When it was done.' })
  readonly createdAt!: Date;
}

export const AuditEventConnection = connectionType(AuditEvent, 'AuditEvent');

@ArgsType()
export class AuditEventList extends OffsetPage {
  @Field(() => AuditAction, { nullable: true, description: 'Only these; all by default.' })
  readonly action!: Action | null;

  @Field(() => ID, { nullable: true, description: 'Only what was done to this user, deleted or not.' })
  readonly userId!: string | null;

  @Field(() => ID, { nullable: true, description: 'Only what this user did.' })
  readonly actorId!: string | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'The earliest time, included. The beginning by default.',
  })
  readonly since!: Date | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'The latest time, excluded. Now by default.' })
  readonly until!: Date | null;
}
