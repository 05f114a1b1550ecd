import type { Client } from '../../../kernel/caller.js';
import { clientNetwork } from '../../../kernel/client-network.js';
import { Forbidden, Unauthenticated, Unavailable } from '../../../kernel/errors.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import { addressIdentity } from '../accounts/email-address.js';
import type { PasswordHasher } from '../accounts/password-hasher.js';
import { isEnabled, type LoginRow } from '../accounts/user.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { LoginChallenges } from '../second-factor/login-challenges.js';
import type { SessionsService, Tokens } from '../sessions/sessions.service.js';

export interface LoginServiceNeeds {
  readonly directory: Pick<UserDirectory, 'findLogin'>;
  readonly ownership: Pick<AccountOwnership, 'renewPasswordHash'>;
  readonly passwords: Pick<PasswordHasher, 'compare' | 'hash'>;
  readonly sessions: Pick<SessionsService, 'open'>;
  readonly challenges: Pick<LoginChallenges, 'require' | 'prove'>;
  readonly audit: AuditLog;
  /** Of tries, good or bad: for each e-mail address, whether anyone has it or not, and for each client. */
  readonly limiters: { readonly address: RateLimiter; readonly client: RateLimiter };
}

/** What the audit log says of a login. No secret, nor personal data beyond ids. */
export interface LoginDetails extends Readonly<Record<string, unknown>> {
  /** What the user proved last who they are by. */
  readonly means: 'password' | 'provider' | 'second factor' | 'passkey';
}

/** Logging in. */
export class LoginService {
  constructor(private readonly needs: LoginServiceNeeds) {}

  /**
   * Nobody but the user learns anything of an account: an unknown address and a wrong password are one answer, after the
   * same work, and only the right password shows that the account is disabled.
   * @throws RateLimited `Too many login attempts`; Unauthenticated `Invalid credentials`; Forbidden `Account disabled`;
   * SecondFactorRequired; Unavailable when too many passwords are being checked at once
   */
  async login(email: string, password: string, client: Client): Promise<Tokens> {
    if (client.ipAddress !== null) await this.needs.limiters.client(clientNetwork(client.ipAddress));
    await this.needs.limiters.address(addressIdentity(email));
    return this.admit(await this.#identify(email.trim(), password, client), client, { means: 'password' });
  }

  /**
   * What every way of logging in ends with, once the user has proved who they are.
   * @param user as they were when they proved it
   * @param details what the audit log says of the login
   * @throws Forbidden `Account disabled`; SecondFactorRequired, for {@link complete}; Unauthenticated `Invalid credentials`
   * when account or password changed meanwhile
   */
  async admit(user: LoginRow, client: Client, details: LoginDetails): Promise<Tokens> {
    await this.#requireEnabled(user, client, details);
    await this.needs.challenges.require(user);
    return this.#open(user, client, details);
  }

  /**
   * Ends a login that waits for its second factor.
   * @param code of the user's app, or a recovery code
   * @throws Unauthenticated `Invalid challenge`, `Invalid code`, or as {@link admit}; RateLimited `Too many wrong codes`;
   * Forbidden `Account disabled`
   */
  async complete(challenge: string, code: string, client: Client): Promise<Tokens> {
    const user = await this.needs.challenges.prove(challenge, code, client);
    const details = { means: 'second factor' } as const;
    await this.#requireEnabled(user, client, details);
    return this.#open(user, client, details);
  }

  /**
   * Ends a login with a passkey, which is both factors: no second one is asked for.
   * @throws as {@link complete}, but for the code and the challenge
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
    const tokens = await this.needs.sessions.open(user, client, { ...details });
    if (tokens === null) return this.#refuse(user, client, details);
    return tokens;
  }

  async #identify(email: string, password: string, client: Client): Promise<LoginRow> {
    const user = await this.needs.directory.findLogin(email);
    const verdict = await this.needs.passwords.compare(user?.passwordHash ?? null, password);
    if (user === null || verdict === 'wrong') return this.#refuse(user, client, { means: 'password' });
    if (verdict === 'right') return user;
    const passwordHash = await this.needs.passwords.hash(password).catch(nullWhenBusy);
    if (passwordHash === null) return user;
    if (await this.needs.ownership.renewPasswordHash(user, passwordHash)) return { ...user, passwordHash };
    // A login at the same time was quicker, or there is another password.
    return this.#identify(email, password, client);
  }

  async #refuse(user: LoginRow | null, client: Client, details: LoginDetails): Promise<never> {
    await this.#recordFailure(user, client, { ...details, reason: 'credentials' });
    throw new Unauthenticated('Invalid credentials');
  }

  /**
   * One statement for a known address as for an unknown one, which is not kept. What the limits refuse is not recorded: they
   * bound how fast the log grows.
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

/** The hash can be renewed at the next login as well. */
function nullWhenBusy(error: unknown): null {
  if (error instanceof Unavailable) return null;
  throw error;
}
