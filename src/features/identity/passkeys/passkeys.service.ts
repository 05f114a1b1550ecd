import type { Client } from '../../../kernel/caller.js';
import { clientNetwork } from '../../../kernel/client-network.js';
import { minutesFrom, type Clock } from '../../../kernel/clock.js';
import { Conflict, Invalid, NotFound } from '../../../kernel/errors.js';
import { newToken, sha256 } from '../../../kernel/token.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import { eventOf } from '../accounts/account-events.js';
import type { AccountNotices } from '../accounts/account-notices.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AccountsService } from '../accounts/accounts.service.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { FactorProof, SecondFactorService } from '../second-factor/second-factor.service.js';
import type { LoginService } from '../login/login.service.js';
import type { Tokens } from '../sessions/sessions.service.js';
import {
  invalidPasskey,
  MAX_PASSKEYS,
  PASSKEY_CHALLENGE_MINUTES,
  type Credential,
  type LoginAnswer,
  type PasskeyPurpose,
  type PasskeyRow,
  type RegistrationAnswer,
} from './passkey.js';
import type { PasskeysRepository } from './passkeys.repository.js';
import { challengeOf, type PasskeyOptions, type RelyingParty } from './relying-party.js';

export interface PasskeysServiceNeeds {
  readonly database: Database;
  readonly repository: PasskeysRepository;
  readonly relyingParty: RelyingParty;
  readonly secondFactor: Pick<SecondFactorService, 'prove'>;
  readonly accounts: Pick<AccountsService, 'get'>;
  readonly directory: Pick<UserDirectory, 'findLoginById'>;
  readonly ownership: Pick<AccountOwnership, 'hold'>;
  readonly notices: Pick<AccountNotices, 'notify'>;
  readonly logins: Pick<LoginService, 'admitByPasskey'>;
  /** Limits started logins per client, since each leaves a row. Throws RateLimited `Too many login attempts`. */
  readonly limiter: RateLimiter;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Login with a passkey (WebAuthn), which replaces both the password and the second factor. */
export class PasskeysService {
  constructor(private readonly needs: PasskeysServiceNeeds) {}

  /** The viewer's own, oldest first. */
  list(viewer: Viewer): Promise<readonly PasskeyRow[]> {
    return this.needs.repository.list(viewer.userId);
  }

  /** For the `node` field: one of the viewer's own passkeys, or null. */
  findVisible(viewer: Viewer, id: string): Promise<PasskeyRow | null> {
    return this.needs.repository.find(viewer.userId, id);
  }

  /**
   * Starts the registration of a new passkey.
   * @returns options for `navigator.credentials.create`
   * @throws as {@link SecondFactorService.prove}; Conflict `Too many passkeys`
   */
  async startRegistration(viewer: Viewer, proof: FactorProof): Promise<PasskeyOptions> {
    const { userId } = viewer;
    const { email, phoneNumber } = await this.needs.accounts.get(viewer, userId);
    const present = await this.needs.repository.listCredentials(userId);
    if (present.length >= MAX_PASSKEYS) throw new Conflict('Too many passkeys');
    const now = this.needs.clock.now();
    await this.needs.repository.deleteDeadChallenges(now);
    const challenge = newToken();
    const expiresAt = minutesFrom(now, PASSKEY_CHALLENGE_MINUTES);
    await this.needs.secondFactor.prove(viewer, proof, async (sql) => {
      const hash = sha256(challenge);
      await this.needs.repository.insertChallenge(sql, hash, 'REGISTRATION', userId, expiresAt);
      return true;
    });
    const account = email ?? phoneNumber ?? userId;
    return this.needs.relyingParty.registrationOptions({ challenge, userId, account, present });
  }

  /**
   * Stores the new passkey from the browser's answer.
   * @throws Invalid `Invalid passkey` when its challenge is unknown, used, or older than
   * {@link PASSKEY_CHALLENGE_MINUTES}; Conflict `Passkey already registered`, `Too many passkeys`; Unauthenticated when
   * the session has meanwhile ended
   */
  async finishRegistration(viewer: Viewer, name: string, answer: RegistrationAnswer): Promise<PasskeyRow> {
    const { userId } = viewer;
    const challenge = await this.#useChallenge(answer, 'REGISTRATION', userId);
    const credential = challenge === null ? null : await this.needs.relyingParty.verifyRegistration(answer, challenge);
    if (credential === null) {
      throw new Invalid([{ field: 'input.credential', message: 'is not a good answer' }], 'Invalid passkey');
    }
    const added = await this.needs.ownership.hold(viewer, async (_user, { sql }) => {
      // The user's row is locked: of calls at once, no more succeed than there is room for.
      if ((await this.needs.repository.count(sql, userId)) >= MAX_PASSKEYS) throw new Conflict('Too many passkeys');
      const passkey = await this.needs.repository.insert(sql, userId, name, credential, this.needs.clock.now());
      if (passkey === null) throw new Conflict('Passkey already registered');
      await this.needs.audit.record(eventOf('PASSKEY_ADDED', viewer, userId, { passkeyId: passkey.id }), sql);
      await this.needs.notices.notify(sql, userId, 'PASSKEY_ADDED', viewer);
      return passkey;
    });
    if (added === null) throw new NotFound('User');
    return added;
  }

  /** @throws NotFound when it does not exist or is another user's */
  async rename(viewer: Viewer, id: string, name: string): Promise<PasskeyRow> {
    return found(await this.needs.repository.rename(viewer.userId, id, name));
  }

  /**
   * Deletes a passkey. Sessions that were opened with it stay.
   * @returns the deleted passkey
   * @throws NotFound when it does not exist or is another user's
   */
  async delete(viewer: Viewer, id: string): Promise<PasskeyRow> {
    return this.needs.database.transaction(async (sql) => {
      const passkey = found(await this.needs.repository.delete(sql, viewer.userId, id));
      await this.needs.audit.record(eventOf('PASSKEY_REMOVED', viewer, viewer.userId, { passkeyId: id }), sql);
      return passkey;
    });
  }

  /**
   * Starts a login with any passkey of this service.
   * @returns options for `navigator.credentials.get`
   * @throws RateLimited `Too many login attempts`
   */
  async startLogin(client: Client): Promise<PasskeyOptions> {
    if (client.ipAddress !== null) await this.needs.limiter(clientNetwork(client.ipAddress));
    const now = this.needs.clock.now();
    await this.needs.repository.deleteDeadChallenges(now);
    const challenge = newToken();
    const expiresAt = minutesFrom(now, PASSKEY_CHALLENGE_MINUTES);
    await this.needs.repository.insertChallenge(this.needs.database, sha256(challenge), 'LOGIN', null, expiresAt);
    return this.needs.relyingParty.loginOptions(challenge);
  }

  /**
   * Opens a session for the user whose passkey signed the browser's answer.
   * @throws Unauthenticated `Invalid passkey`; Forbidden `Account disabled`
   */
  async finishLogin(answer: LoginAnswer, client: Client): Promise<Tokens> {
    const challenge = await this.#useChallenge(answer, 'LOGIN', null);
    const credential = await this.needs.repository.findCredential(answer.id);
    if (challenge === null || credential === null) throw invalidPasskey();
    // The user as before the passkey is found good: what clears the account of passkeys then stops this login too.
    const user = await this.needs.directory.findLoginById(credential.userId);
    const used = await this.needs.relyingParty.verifyLogin(answer, challenge, credential);
    if (used === null || !(await this.needs.repository.use(credential, used, this.needs.clock.now()))) {
      return this.#refuse(credential, client);
    }
    return user === null ? this.#refuse(credential, client) : this.needs.logins.admitByPasskey(user, client);
  }

  /**
   * Consumes the challenge, even if the rest of the answer turns out to be invalid.
   * @returns null for an invalid challenge
   */
  async #useChallenge(
    answer: RegistrationAnswer | LoginAnswer,
    purpose: PasskeyPurpose,
    userId: string | null,
  ): Promise<string | null> {
    const challenge = challengeOf(answer);
    if (challenge === null) return null;
    const hash = sha256(challenge);
    return (await this.needs.repository.useChallenge(hash, purpose, userId, this.needs.clock.now())) ? challenge : null;
  }

  async #refuse({ id, userId }: Credential, client: Client): Promise<never> {
    const details = { means: 'passkey', reason: 'credentials', passkeyId: id };
    await this.needs.audit.record({ action: 'LOGIN_FAILED', actorId: null, subjectId: userId, client, details });
    throw invalidPasskey();
  }
}

function found(passkey: PasskeyRow | null): PasskeyRow {
  if (passkey === null) throw new NotFound('Passkey');
  return passkey;
}
