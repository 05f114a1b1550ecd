import type { Client } from '../../../kernel/caller.js';
import { clientNetwork } from '../../../kernel/client-network.js';
import { Forbidden, Unauthenticated, Unavailable } from '../../../kernel/errors.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { AccountNotices } from '../accounts/account-notices.js';
import { addressIdentity } from '../accounts/email-address.js';
import { hashingFor, type PasswordHasher } from '../accounts/password-hasher.js';
import { isEnabled, type LoginRow } from '../accounts/user.js';
import type { LoginChallenges } from '../second-factor/login-challenges.js';
import type { SessionsService, Tokens } from '../sessions/sessions.service.js';

export interface LoginServiceNeeds {
  readonly directory: Pick<UserDirectory, 'findLogin'>;
  readonly ownership: Pick<AccountOwnership, 'renewPasswordHash'>;
  readonly passwords: Pick<PasswordHasher, 'compare' | 'hash'>;
  readonly sessions: Pick<SessionsService, 'open'>;
  readonly challenges: Pick<LoginChallenges, 'require' | 'prove'>;
  readonly notices: Pick<AccountNotices, 'notify'>;
  readonly audit: AuditLog;
  /** Limits login attempts, successful or not, per e-mail address (known or unknown) and per client. */
  readonly limiters: { readonly address: RateLimiter; readonly client: RateLimiter };
}

/** The details of a login for the audit log. They contain no secret, and no personal data except ids. */
export interface LoginDetails extends Readonly<Record<string, unknown>> {
  /** The proof of identity that the user gave last. */
  readonly means: 'password' | 'provider' | 'second factor' | 'passkey';
}

/** Logs users in. */
export class LoginService {
  constructor(private readonly needs: LoginServiceNeeds) {}

  /**
   * Logs a user in with a password. Nobody else learns anything about an account: an unknown address and a wrong
   * password get the same answer after the same work, and only the right password reveals that the account is disabled.
   * @throws RateLimited `Too many login attempts`; Unauthenticated `Invalid credentials`; Forbidden `Account disabled`;
   * SecondFactorRequired; Unavailable when too many passwords are being checked at once
   */
  async login(email: string, password: string, client: Client): Promise<Tokens> {
    if (client.ipAddress !== null) await this.needs.limiters.client(clientNetwork(client.ipAddress));
    await this.needs.limiters.address(addressIdentity(email));
    return this.admit(await this.#identify(email.trim(), password, client), client, { means: 'password' });
  }

  /**
   * The last step of every kind of login, after the user has proved their identity.
   * @param user with the state at the time of that proof
   * @param details for the audit log
   * @throws Forbidden `Account disabled`; SecondFactorRequired, to be continued with {@link complete}; Unauthenticated
   * `Invalid credentials` when the account or the password has changed meanwhile
   */
  async admit(user: LoginRow, client: Client, details: LoginDetails): Promise<Tokens> {
    await this.#requireEnabled(user, client, details);
    await this.needs.challenges.require(user);
    return this.#open(user, client, details);
  }

  /**
   * Completes a login that is waiting for its second factor.
   * @param code from the user's app, or a recovery code
   * @throws Unauthenticated `Invalid challenge`, `Invalid code`, or as {@link admit}; RateLimited
   * `Too many wrong codes`; Forbidden `Account disabled`
   */
  async complete(challenge: string, code: string, client: Client): Promise<Tokens> {
    const user = await this.needs.challenges.prove(challenge, code, client);
    const details = { means: 'second factor' } as const;
    await this.#requireEnabled(user, client, details);
    return this.#open(user, client, details);
  }

  /**
   * Completes a login with a passkey, which counts as both factors: no second one is required.
   * @throws as {@link complete}, except for the code and the challenge
   */
  async admitByPasskey(user: LoginRow, client: Client): Promise<Tokens> {
    const details = { means: 'passkey' } as const;
    await this.#requireEnabled(user, client, details);
    return this.#open(user, client, details);
  }

  async #requireEnabled(user: LoginRow, client: Client, details: LoginDetails): Promise<void> {
    if (isEnabled(user)) return;
    await this.#recordFailure(user, client, { ...details, reason: 'disabled' });
    throw new Forbidden('Account disabled');
  }

  async #open(user: LoginRow, client: Client, details: LoginDetails): Promise<Tokens> {
    const tokens = await this.needs.sessions.open(user, client, { ...details }, (sql) =>
      this.needs.notices.notify(sql, user.id, 'NEW_DEVICE', { userId: user.id, client }),
    );
    if (tokens === null) return this.#refuse(user, client, details);
    return tokens;
  }

  async #identify(email: string, password: string, client: Client): Promise<LoginRow> {
    const user = await this.needs.directory.findLogin(email);
    const hashing = hashingFor('login', client);
    const verdict = await this.needs.passwords.compare(user?.passwordHash ?? null, password, hashing);
    if (user === null || verdict === 'wrong') return this.#refuse(user, client, { means: 'password' });
    if (verdict === 'right') return user;
    const passwordHash = await this.needs.passwords.hash(password, hashing).catch(nullWhenBusy);
    if (passwordHash === null) return user;
    if (await this.needs.ownership.renewPasswordHash(user, passwordHash)) return { ...user, passwordHash };
    // A concurrent login renewed the hash first, or the password was changed: check again.
    return this.#identify(email, password, client);
  }

  async #refuse(user: LoginRow | null, client: Client, details: LoginDetails): Promise<never> {
    await this.#recordFailure(user, client, { ...details, reason: 'credentials' });
    throw new Unauthenticated('Invalid credentials');
  }

  /**
   * Writes one statement for known and unknown addresses alike, so that timing does not tell them apart; an unknown
   * address is not stored. Attempts that a rate limit refuses are not recorded, which bounds how fast the log grows.
   */
  async #recordFailure(
    user: Pick<LoginRow, 'id'> | null,
    client: Client,
    details: LoginDetails & { readonly reason: 'credentials' | 'disabled' },
  ): Promise<void> {
    await this.needs.audit.record({
      action: 'LOGIN_FAILED',
      actorId: null,
      subjectId: user?.id ?? null,
      client,
      details,
    });
  }
}

/** If the hasher is busy, the hash is renewed at a later login. */
function nullWhenBusy(error: unknown): null {
  if (error instanceof Unavailable) return null;
  throw error;
}
