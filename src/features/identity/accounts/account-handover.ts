import type { Client } from '../../../kernel/caller.js';
import type { Sql } from '../../../ports/database.js';

/** Earlier than anything that is stored. */
export const EVERYTHING = new Date(0);

/**
 * A feature's part in handing an account over to whoever reads its mailbox: removes everything of that feature by which
 * somebody else could get in, now or by finishing what they have begun. Runs in the transaction of the proof, which locks
 * the user's row and has ended the user's sessions.
 * @param since what the account got before that time stays: {@link EVERYTHING} for nothing
 */
export type ClearForOwner = (sql: Sql, userId: string, client: Client, since: Date) => Promise<void>;
