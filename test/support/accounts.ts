import { PasswordHasher } from '../../src/features/identity/accounts/password-hasher.js';
import { AccountsRepository } from '../../src/features/identity/accounts/accounts.repository.js';
import { AccountsService } from '../../src/features/identity/accounts/accounts.service.js';
import type { NewUser, UserRow } from '../../src/features/identity/accounts/user.js';
import { AuditLog } from '../../src/features/operations/audit/audit-log.js';
import { AuditRepository } from '../../src/features/operations/audit/audit.repository.js';
import { LoginChallenges } from '../../src/features/identity/second-factor/login-challenges.js';
import { LoginChallengesRepository } from '../../src/features/identity/second-factor/login-challenges.repository.js';
import { SecretBox } from '../../src/features/identity/second-factor/secret-box.js';
import { SecondFactorCodes } from '../../src/features/identity/second-factor/second-factor-codes.js';
import { SecondFactorRepository } from '../../src/features/identity/second-factor/second-factor.repository.js';
import { IdentitiesRepository } from '../../src/features/identity/identities/identities.repository.js';
import { IdentitiesService } from '../../src/features/identity/identities/identities.service.js';
import { AccessTokens } from '../../src/features/identity/sessions/access-tokens.js';
import { InternalCallers } from '../../src/features/identity/sessions/internal-callers.js';
import { LoginService } from '../../src/features/identity/sessions/login.service.js';
import { SessionWatch } from '../../src/features/identity/sessions/session-watch.js';
import { SessionsRepository } from '../../src/features/identity/sessions/sessions.repository.js';
import { SessionsService, type Tokens } from '../../src/features/identity/sessions/sessions.service.js';
import type { Credentials } from '../../src/kernel/caller.js';
import type { Viewer } from '../../src/kernel/viewer.js';
import type { Database } from '../../src/ports/database.js';

export const PASSWORD = 'correct horse battery';
/** Whom the people of the fixture call as. */
export const CLIENT = { ipAddress: '192.0.2.7', userAgent: 'a test' };
const SECRETS = ['a secret of thirty-two bytes, or more'];
const NOTHING_SENT: Credentials = { authorization: null, userId: null, internalKey: null, peerAddress: null };

let number = 0;

/** The services of accounts and sessions on a database, with a clock that tests move and people who act. */
export class AccountsFixture {
  readonly clock = { time: Date.now(), now: () => new Date(this.clock.time) };
  /** What the login limiter was asked for; a test may give it something to throw. */
  readonly tries: string[] = [];
  limit: (() => void) | undefined;

  readonly audit: AuditLog;
  readonly repository: SessionsRepository;
  readonly watch: SessionWatch;
  readonly sessions: SessionsService;
  readonly accounts: AccountsService;
  readonly challenges: LoginChallenges;
  readonly logins: LoginService;
  readonly identities: IdentitiesService;

  constructor(readonly database: Database) {
    const { clock } = this;
    const passwords = new PasswordHasher();
    const tokens = new AccessTokens({ secrets: SECRETS, lifetimeMinutes: 60, clock });
    const internalCallers = new InternalCallers({ cidrs: ['10.0.0.0/8'], key: 'the key of the house', proxies: [] });
    const plans = { defaultPlan: 'free', isPlan: (name: string) => ['free', 'pro'].includes(name) };
    this.audit = new AuditLog(new AuditRepository(database));
    const { audit } = this;
    this.repository = new SessionsRepository(database);
    this.watch = new SessionWatch({ repository: this.repository, clock, log: { warn: () => undefined } });
    this.sessions = new SessionsService({
      repository: this.repository,
      tokens,
      internalCallers,
      watch: this.watch,
      audit,
      refreshTokenDays: 7,
      clock,
    });
    const users = new AccountsRepository(database);
    this.accounts = new AccountsService({ users, plans, passwords, sessions: this.sessions, audit, clock });
    const factors = new SecondFactorRepository(database);
    const box = new SecretBox(SECRETS);
    const codes = new SecondFactorCodes({ database, repository: factors, box, audit, clock });
    this.challenges = new LoginChallenges({
      repository: new LoginChallengesRepository(database),
      factors,
      codes,
      accounts: this.accounts,
      clock,
    });
    this.identities = new IdentitiesService({
      database,
      repository: new IdentitiesRepository(database),
      accounts: this.accounts,
      audit,
      clock,
    });
    this.logins = new LoginService({
      accounts: this.accounts,
      passwords,
      sessions: this.sessions,
      challenges: this.challenges,
      audit,
      limiters: {
        address: async (identity) => {
          this.tries.push(identity);
          this.limit?.();
          await Promise.resolve();
        },
        client: () => Promise.resolve(),
      },
    });
  }

  uniqueEmail(name = 'user'): string {
    return `${name}-${++number}@example.org`;
  }

  create(input: Partial<NewUser> = {}, creator: Viewer | null = null): Promise<UserRow> {
    const user = { provider: 'email', password: PASSWORD, email: this.uniqueEmail(), ...input };
    return this.accounts.create(user, { viewer: () => Promise.resolve(creator), client: CLIENT });
  }

  login(user: UserRow, password = PASSWORD): Promise<Tokens> {
    return this.logins.login(user.email ?? '', password, CLIENT);
  }

  authenticate(accessToken: string): Promise<Viewer> {
    return this.sessions.authenticate({ ...NOTHING_SENT, authorization: `Bearer ${accessToken}` }, CLIENT);
  }

  authenticateBy(credentials: Partial<Credentials>): Promise<Viewer> {
    return this.sessions.authenticate({ ...NOTHING_SENT, ...credentials }, CLIENT);
  }

  /** A new user who has logged in. */
  async person(): Promise<{ user: UserRow; tokens: Tokens; viewer: Viewer }> {
    const user = await this.create();
    const tokens = await this.login(user);
    return { user, tokens, viewer: await this.authenticate(tokens.accessToken) };
  }

  /** A new admin who has logged in. */
  async admin(): Promise<{ user: UserRow; tokens: Tokens; viewer: Viewer }> {
    const email = this.uniqueEmail('admin');
    await this.accounts.ensureAdmin(email, PASSWORD);
    const tokens = await this.logins.login(email, PASSWORD, CLIENT);
    const viewer = await this.authenticate(tokens.accessToken);
    return { user: await this.accounts.get(viewer, viewer.userId), tokens, viewer };
  }
}
