import type { UnsentMail } from '../features/identity/accounts/operator.service.js';
import { columns, visible } from './columns.js';

/** A table for people, one line per mail. */
export function mailTableOf(mails: readonly UnsentMail[]): string {
  const rows = mails.map(({ id, queue, kind, email, requestedAt, failedAt, tries, reason }) => [
    id,
    visible(queue),
    kind,
    visible(email ?? '-'),
    requestedAt.toISOString(),
    failedAt.toISOString(),
    String(tries),
    visible(reason),
  ]);
  return columns([['ID', 'QUEUE', 'MAIL', 'ADDRESS', 'REQUESTED', 'GIVEN UP', 'TRIES', 'REASON'], ...rows]);
}
