import type { UserRow } from '../features/identity/accounts/user.js';

/** One sentence that names a user. */
export function nameOf(user: Pick<UserRow, 'id' | 'email'>): string {
  return user.email === null ? user.id : `${visible(user.email)} (${user.id})`;
}

/** A table for people, one line per user. */
export function tableOf(users: readonly UserRow[]): string {
  const rows = users.map((user) => [
    visible(user.email ?? user.phoneNumber ?? '-'),
    user.id,
    stateOf(user),
    visible(user.plan),
    dayOf(user.createdAt),
    user.lastLogin === null ? 'never' : dayOf(user.lastLogin),
  ]);
  const lines = [['ADDRESS', 'ID', 'STATE', 'PLAN', 'CREATED', 'LAST LOGIN'], ...rows];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The form of a user in `list --json`. */
export function jsonOf({ id, email, phoneNumber, plan, isAdmin, isActive, isSuspended, ...user }: UserRow): object {
  const { isVerified, createdAt, lastLogin } = user;
  return { id, email, phoneNumber, plan, isAdmin, isActive, isSuspended, isVerified, createdAt, lastLogin };
}

function stateOf({ isAdmin, isActive, isSuspended, isVerified }: UserRow): string {
  const words = [
    ...(isAdmin ? ['admin'] : []),
    ...(isSuspended ? ['suspended'] : []),
    ...(isActive ? [] : ['inactive']),
    ...(isVerified ? [] : ['unverified']),
  ];
  return words.length === 0 ? '-' : words.join(', ');
}

const dayOf = (date: Date) => date.toISOString().slice(0, 10);

/** Replaces control characters in text that users wrote, since a terminal would obey them. */
const visible = (text: string) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
