import type { Client } from '../../../kernel/caller.js';
import type { Clock } from '../../../kernel/clock.js';
import { Conflict, Forbidden, NotFound } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { AccountNotices } from '../accounts/account-notices.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import { isEnabled, type UserRow } from '../accounts/user.js';
import type { IdentitiesRepository } from './identities.repository.js';
import { unlinked, vouchesForMailbox, type IdentityRow, type VouchedUser } from './identity.js';

export const EMAIL_IN_USE = 'An account with this e-mail address exists: log in to it, and link the provider there';
export const LINKED_ELSEWHERE = 'Linked to another account';
export const LAST_WAY_IN = 'The last way to log in: set a password first';

export interface IdentitiesServiceNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly repository: IdentitiesRepository;
  readonly directory: Pick<UserDirectory, 'findByEmail'>;
  readonly ownership: Pick<AccountOwnership, 'createVouchedFor' | 'hold' | 'letInByMailbox'>;
  readonly notices: Pick<AccountNotices, 'notify'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Links between users and their identities at login providers. */
export class IdentitiesService {
  constructor(private readonly needs: IdentitiesServiceNeeds) {}

  /**
   * Finds the user of someone who logs in at a provider, or else links them to an existing or new user. An account with
   * the same e-mail address is linked only if the provider has verified the address: otherwise, anyone could enter
   * another person's address in a profile and so get that person's account. An account whose maker has not proved to
   * read that mailbox may be another person's, who prepared it: it is cleared first.
   * @throws Conflict {@link EMAIL_IN_USE}; Forbidden `Account disabled`
   */
  async resolve(vouched: VouchedUser, client: Client): Promise<IdentityRow> {
    const known = await this.needs.repository.use(vouched, this.needs.clock.now());
    if (known !== null) return known;
    const holder = vouched.email === null ? null : await this.needs.directory.findByEmail(vouched.email);
    try {
      return await (holder === null ? this.#createUser(vouched, client) : this.#linkTo(holder.id, vouched, client));
    } catch (error) {
      // A concurrent login of the same person was faster.
      const present =
        error instanceof Conflict || error instanceof Forbidden
          ? await this.needs.repository.use(vouched, this.needs.clock.now())
          : null;
      if (present !== null) return present;
      throw error;
    }
  }

  /**
   * Links the identity with which the viewer has just logged in at a provider. Does nothing if it is already linked.
   * @throws Conflict {@link LINKED_ELSEWHERE}; Unauthenticated when the viewer's session has meanwhile ended
   */
  async link(viewer: Viewer, vouched: VouchedUser): Promise<IdentityRow> {
    const linked = await this.needs.ownership.hold(viewer, async (user, { sql, markProven }) => {
      const identity = await this.#addTo(sql, viewer.userId, vouched, viewer.client);
      // The viewer holds the account, and the provider vouches for them as the reader of its mailbox.
      if (identity !== null && vouchesForMailbox(vouched, user)) await markProven();
      return identity;
    });
    const identity = linked ?? (await this.needs.repository.findBySubject(vouched));
    if (identity?.userId !== viewer.userId) throw new Conflict(LINKED_ELSEWHERE);
    return identity;
  }

  /** The viewer's own, oldest first. */
  list(viewer: Viewer): Promise<readonly IdentityRow[]> {
    return this.needs.repository.listOf(viewer.userId);
  }

  /** Whether the identity still logs its user in. */
  async isLinked({ id, userId }: IdentityRow): Promise<boolean> {
    return (await this.needs.repository.find(userId, id)) !== null;
  }

  /** For the `node` field: one of the viewer's own identities, or null. */
  findVisible(viewer: Viewer, id: string): Promise<IdentityRow | null> {
    return this.needs.repository.find(viewer.userId, id);
  }

  /**
   * Unlinks a provider, which can no longer log the viewer in. Sessions stay.
   * @throws NotFound when it does not exist or is another user's; Conflict {@link LAST_WAY_IN}
   */
  async unlink(viewer: Viewer, id: string): Promise<void> {
    const { userId, client } = viewer;
    await this.needs.database.transaction(async (sql) => {
      const hasPassword = await this.needs.repository.lockUser(sql, userId);
      const identity = await this.needs.repository.delete(sql, userId, id);
      if (identity === null) throw new NotFound('Identity');
      if (hasPassword !== true && (await this.needs.repository.countOf(sql, userId)) === 0)
        throw new Conflict(LAST_WAY_IN);
      await this.needs.audit.record(unlinked(identity, userId, client), sql);
    });
  }

  async #createUser(vouched: VouchedUser, client: Client): Promise<IdentityRow> {
    const { provider, subject: providerId, email, isEmailVerified: isVerified } = vouched;
    await this.needs.ownership.createVouchedFor(
      { provider, providerId, email, isVerified },
      client,
      async (user, sql) => {
        const identity = await this.#insert(sql, user.id, vouched, client);
        if (identity === null) throw new Conflict(LINKED_ELSEWHERE);
      },
    );
    const made = await this.needs.repository.findBySubject(vouched);
    if (made === null) throw new Error('the identity of a new user is gone');
    return made;
  }

  async #linkTo(userId: string, vouched: VouchedUser, client: Client): Promise<IdentityRow> {
    const confirm = (user: UserRow): Promise<void> => {
      if (!vouchesForMailbox(vouched, user)) throw new Conflict(EMAIL_IN_USE);
      if (!isEnabled(user)) throw new Forbidden('Account disabled');
      return Promise.resolve();
    };
    const linked = await this.needs.ownership.letInByMailbox(userId, client, confirm, async (sql) => {
      const identity = await this.#addTo(sql, userId, vouched, client);
      if (identity === null) throw new Conflict(LINKED_ELSEWHERE);
      return identity;
    });
    if (linked === null) throw new Conflict(EMAIL_IN_USE);
    return linked;
  }

  /** {@link #insert} for an account that exists, whose user hears of it. */
  async #addTo(sql: Sql, userId: string, vouched: VouchedUser, client: Client): Promise<IdentityRow | null> {
    const identity = await this.#insert(sql, userId, vouched, client);
    if (identity !== null) await this.needs.notices.notify(sql, userId, 'IDENTITY_LINKED', { userId, client });
    return identity;
  }

  /** @returns null when the identity is already linked to a user */
  async #insert(sql: Sql, userId: string, vouched: VouchedUser, client: Client): Promise<IdentityRow | null> {
    const identity = await this.needs.repository.insert(sql, userId, vouched, this.needs.clock.now());
    if (identity === null) return null;
    const { provider } = vouched;
    await this.needs.audit.record(
      { action: 'IDENTITY_LINKED', actorId: userId, subjectId: userId, client, details: { provider } },
      sql,
    );
    return identity;
  }
}
