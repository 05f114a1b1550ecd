import type { Client } from '../kernel/caller.js';
import type { Sql } from './database.js';

/** What is recorded. The database has the same list: a new action needs a migration. */
export const AUDIT_ACTIONS = [
  'LOGIN',
  'LOGIN_FAILED',
  'LOGOUT',
  'SESSION_REVOKED',
  'REFRESH_TOKEN_REUSED',
  'PASSWORD_CHANGED',
  'PASSWORD_RESET',
  'EMAIL_VERIFIED',
  'USER_CREATED',
  'USER_UPDATED',
  'USER_DELETED',
  'USER_SUSPENDED',
  'USER_REINSTATED',
  'USER_RESTORED',
  'ADMIN_GRANTED',
  'ADMIN_REVOKED',
  'PLAN_CHANGED',
  'ACTED_AS_USER',
  'IDENTITY_LINKED',
  'IDENTITY_UNLINKED',
  'SECOND_FACTOR_ENABLED',
  'SECOND_FACTOR_DISABLED',
  'SECOND_FACTOR_FAILED',
  'RECOVERY_CODE_USED',
  'PASSKEY_ADDED',
  'PASSKEY_REMOVED',
  'INVITATION_CREATED',
  'INVITATION_REVOKED',
  'ACCOUNT_CHANGE_UNDONE',
  'RECOVERY_CODES_REPLACED',
  'ACCESS_TOKEN_CREATED',
  'ACCESS_TOKEN_REVOKED',
  'TOOL_CALLED',
  'REPLY_STOPPED',
  'JOB_RETRIED',
  'JOB_DROPPED',
  'USAGE_CORRECTED',
  'MODEL_BREAKER_CLOSED',
  'ANNOUNCEMENT_CREATED',
  'ANNOUNCEMENT_UPDATED',
  'ANNOUNCEMENT_ENDED',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Something to record. */
export interface AuditEvent {
  readonly action: AuditAction;
  /** The user who did it; null for the service itself, an operator, or someone who is not known to be a user. */
  readonly actorId: string | null;
  /** The user whom it was done to, often the actor; null when it is nobody's account. */
  readonly subjectId: string | null;
  /** Where the request came from; absent when there was none. */
  readonly client?: Pick<Client, 'ipAddress' | 'userAgent'>;
  /** What else an admin should know. Never a secret, nor personal data beyond ids. `{}` by default. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** Where services record what admins may have to look into later. Nothing in it is ever changed or removed. */
export interface AuditLog {
  /**
   * Adds an event.
   * @param sql the transaction of what is recorded, so that there is neither an act without its event nor an event without
   * its act; inside a transaction it must be given
   */
  record(event: AuditEvent, sql?: Sql): Promise<void>;
}
