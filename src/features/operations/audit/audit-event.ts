import type { Client } from '../../../kernel/caller.js';

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

/** An event as it is stored. */
export interface AuditEventRow {
  readonly id: string;
  readonly action: AuditAction;
  readonly actorId: string | null;
  readonly subjectId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  /** The time in the id. */
  readonly createdAt: Date;
}

/** Which events; a part that is null or left out fits all. */
export interface AuditFilter {
  readonly action?: AuditAction | null;
  readonly actorId?: string | null;
  readonly subjectId?: string | null;
  /** The earliest time, included. */
  readonly since?: Date | null;
  /** The latest time, excluded. */
  readonly until?: Date | null;
}
