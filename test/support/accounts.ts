import 'reflect-metadata';
import type { AccountOwnership } from '../../src/features/identity/accounts/account-ownership.js';
import { accountsFeature } from '../../src/features/identity/accounts/accounts.feature.js';
import type { AdminAccountsService } from '../../src/features/identity/accounts/admin-accounts.service.js';
import type { UserDirectory } from '../../src/features/identity/accounts/user-directory.js';
import type { AccountsService } from '../../src/features/identity/accounts/accounts.service.js';
import type { NewUser, UserRow } from '../../src/features/identity/accounts/user.js';
import { accountNotices } from '../../src/features/identity/account-changes/account-changes.feature.js';
import { clearIdentities } from '../../src/features/identity/identities/clear-identities.js';
import { identitiesFeature } from '../../src/features/identity/identities/identities.feature.js';
import type { IdentitiesService } from '../../src/features/identity/identities/identities.service.js';
import { invitationsFeature } from '../../src/features/identity/invitations/invitations.feature.js';
import type { InvitationsService } from '../../src/features/identity/invitations/invitations.service.js';
import { loginFeature } from '../../src/features/identity/login/login.feature.js';
import type { LoginService } from '../../src/features/identity/login/login.service.js';
import type { LoginChallenges } from '../../src/features/identity/second-factor/login-challenges.js';
import { clearOneTimeCodes } from '../../src/features/identity/one-time-codes/clear-one-time-codes.js';
import { clearPasskeys } from '../../src/features/identity/passkeys/clear-passkeys.js';
import { clearSecondFactor } from '../../src/features/identity/second-factor/clear-second-factor.js';
import {
  secondFactorFeature,
  secondFactorParts,
} from '../../src/features/identity/second-factor/second-factor.feature.js';
import type { SessionWatch } from '../../src/features/identity/sessions/session-watch.js';
import { personalTokens } from '../../src/features/identity/personal-access-tokens/personal-tokens.js';
import { sessionsFeature } from '../../src/features/identity/sessions/sessions.feature.js';
import { SessionsRepository } from '../../src/features/identity/sessions/sessions.repository.js';
import type { SessionsService, Tokens } from '../../src/features/identity/sessions/sessions.service.js';
import { storedAuditLog } from '../../src/features/operations/audit/audit.feature.js';
import type { Credentials } from '../../src/kernel/caller.js';
import type { Log } from '../../src/kernel/log.js';
import { systemTimers } from '../../src/kernel/timers.js';
import type { Viewer } from '../../src/kernel/viewer.js';
import type { AuditLog } from '../../src/ports/audit-log.js';
import type { Database } from '../../src/ports/database.js';
import type { JobQueue } from '../../src/ports/job-queue.js';
import type { CreateRateLimiter } from '../../src/ports/rate-limiter.js';
import { makePasswordsCheap } from './cheap-passwords.js';

export const PASSWORD = 'correct horse battery';
/** The client that the fixture's users call from. */
export const CLIENT = { ipAddress: '192.0.2.7', userAgent: 'a test' };
const SECRETS = ['a secret of thirty-two bytes, or more'];
const UNUSED = { limit: 1, windowMs: 1 };
const ignore = () => undefined;
const SILENT: Log = { info: ignore, warn: ignore, error: ignore };
const NOTHING_SENT: Credentials = {
  authorization: null,
  userId: null,
  internalKey: null,
  peerAddress: null,
  isFromBrowser: false,
};

const done = () => Promise.resolve();
const NO_JOBS: JobQueue = { add: done, open: done, work: done, begin: done, rest: done };

let number = 0;

// In the modules of the suite, each of which has its own.
makePasswordsCheap();

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
  readonly admins: AdminAccountsService;
  readonly directory: UserDirectory;
  readonly ownership: AccountOwnership;
  readonly challenges: LoginChallenges;
  readonly logins: LoginService;
  readonly identities: IdentitiesService;
  readonly invitations: InvitationsService;

  constructor(readonly database: Database) {
    this.audit = storedAuditLog(database);
    this.repository = new SessionsRepository(database);
    const shared = {
      database,
      secrets: SECRETS,
      audit: this.audit,
      clock: this.clock,
      timers: systemTimers,
      log: SILENT,
      createDurableLimiter: this.#limiterOf,
      rateLimits: { login: UNUSED, loginClient: UNUSED, providerLogin: UNUSED, signUp: UNUSED },
    };
    const sessions = sessionsFeature({
      ...shared,
      accessTokenMinutes: 60,
      personalTokens: personalTokens(shared),
      refreshTokenDays: 7,
      internal: { cidrs: ['10.0.0.0/8'], key: 'the key of the house', proxies: [] },
    });
    const plans = { defaultPlan: 'free', isPlan: (name: string) => ['free', 'pro'].includes(name) };
    const { signUps, service: invitations } = invitationsFeature({ ...shared, plans, signUp: 'open' });
    this.invitations = invitations;
    const handover = [clearIdentities, clearPasskeys, clearSecondFactor, clearOneTimeCodes].map((part) => part(shared));
    const notices = accountNotices({ ...shared, jobs: NO_JOBS });
    const parts = secondFactorParts(shared);
    const accounts = accountsFeature({
      ...shared,
      plans,
      sessions: sessions.service,
      signUps,
      notices,
      secondFactorProof: parts.proof,
      handover,
    });
    const people = { ...accounts, accounts: accounts.service, sessions: sessions.service, notices };
    const { challenges, freshProof } = secondFactorFeature({ ...shared, ...people, parts });
    const login = loginFeature({ ...shared, ...people, challenges });
    const identities = identitiesFeature({
      ...shared,
      ...people,
      login: login.service,
      freshProof,
      loginProviders: [],
      returnUrls: [],
      callbackUrl: (provider) => provider,
    });
    this.sessions = sessions.service;
    this.watch = sessions.watch;
    this.accounts = accounts.service;
    this.admins = accounts.admins;
    this.directory = accounts.directory;
    this.ownership = accounts.ownership;
    this.challenges = challenges;
    this.logins = login.service;
    this.identities = identities.service;
  }

  readonly #limiterOf: CreateRateLimiter =
    ({ name }) =>
    async (identity) => {
      if (name !== 'login') return;
      this.tries.push(identity);
      this.limit?.();
      await Promise.resolve();
    };

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
    await this.admins.ensureAdmin(email, PASSWORD);
    const tokens = await this.logins.login(email, PASSWORD, CLIENT);
    const viewer = await this.authenticate(tokens.accessToken);
    return { user: await this.accounts.get(viewer, viewer.userId), tokens, viewer };
  }
}
