import type { UserRow } from '../features/identity/accounts/user.js';

/** A user in a sentence. */
export function nameOf(user: Pick<UserRow, 'id' | 'email'>): string {
  return user.email === null ? user.id : `${visible(user.email)} (${user.id})`;
}

/** Columns for a person, a line each user. */
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

/** What `list --json` prints of a user. */
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

/** What users wrote themselves may hold characters that a terminal obeys. */
const visible = (text: string) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
