import type { Adapters } from './app-adapters.js';
import { createIdentities } from './app-identities.js';
import { createPasskeys, createSecondFactor } from './app-second-factor.js';
import type { Config, RateLimit } from './config.js';
import { AccountsRepository } from './features/identity/accounts/accounts.repository.js';
import { AccountsResolver } from './features/identity/accounts/accounts.resolver.js';
import { AccountsService } from './features/identity/accounts/accounts.service.js';
import { AdminResolver } from './features/identity/accounts/admin.resolver.js';
import { PasswordHasher } from './features/identity/accounts/password-hasher.js';
import { AuditLog } from './features/operations/audit/audit-log.js';
import { AuditRepository } from './features/operations/audit/audit.repository.js';
import { AuditResolver } from './features/operations/audit/audit.resolver.js';
import { AuditService } from './features/operations/audit/audit.service.js';
import { InternalCalls } from './features/operations/audit/internal-calls.js';
import { ConversationExport } from './features/chat/export/conversation-export.js';
import { ConversationExportResolver } from './features/chat/export/conversation-export.resolver.js';
import { ConversationsRepository } from './features/chat/conversations/conversations.repository.js';
import {
  ConversationsResolver,
  UserConversationsResolver,
} from './features/chat/conversations/conversations.resolver.js';
import { ConversationsService } from './features/chat/conversations/conversations.service.js';
import { MessagesRepository } from './features/chat/messages/messages.repository.js';
import { ConversationMessagesResolver, MessagesResolver } from './features/chat/messages/messages.resolver.js';
import { MessagesService } from './features/chat/messages/messages.service.js';
import { HealthResolver } from './features/operations/health/health.resolver.js';
import { HealthService } from './features/operations/health/health.service.js';
import { IdentitiesResolver } from './features/identity/identities/identities.resolver.js';
import type { IdentitiesService } from './features/identity/identities/identities.service.js';
import { ProviderLoginsResolver } from './features/identity/identities/provider-logins.resolver.js';
import { CodeHasher } from './features/identity/one-time-codes/code-hasher.js';
import { OneTimeCodesRepository } from './features/identity/one-time-codes/one-time-codes.repository.js';
import { OneTimeCodesResolver } from './features/identity/one-time-codes/one-time-codes.resolver.js';
import { OneTimeCodesService } from './features/identity/one-time-codes/one-time-codes.service.js';
import { PasskeysResolver } from './features/identity/passkeys/passkeys.resolver.js';
import type { PasskeysService } from './features/identity/passkeys/passkeys.service.js';
import { PlanCatalogue } from './features/chat/plans/plan.js';
import { PlansRepository } from './features/chat/plans/plans.repository.js';
import { PlansResolver } from './features/chat/plans/plans.resolver.js';
import { PlansService } from './features/chat/plans/plans.service.js';
import { RepliesRepository } from './features/chat/replies/replies.repository.js';
import {
  RepliesResolver,
  ReplyCompletedResolver,
  ReplyFailedResolver,
} from './features/chat/replies/replies.resolver.js';
import { RepliesService } from './features/chat/replies/replies.service.js';
import { ReplyRecovery } from './features/chat/replies/reply-recovery.js';
import { ReplyRunner } from './features/chat/replies/reply-runner.js';
import { SecondFactorResolver } from './features/identity/second-factor/second-factor.resolver.js';
import { AccessTokens } from './features/identity/sessions/access-tokens.js';
import { InternalCallers } from './features/identity/sessions/internal-callers.js';
import { LoginService } from './features/identity/sessions/login.service.js';
import { SessionWatch } from './features/identity/sessions/session-watch.js';
import { SessionsRepository } from './features/identity/sessions/sessions.repository.js';
import { SessionsResolver } from './features/identity/sessions/sessions.resolver.js';
import { SessionsService } from './features/identity/sessions/sessions.service.js';
import { UploadSweep } from './features/chat/uploads/upload-sweep.js';
import { UploadsRepository } from './features/chat/uploads/uploads.repository.js';
import { UploadsResolver } from './features/chat/uploads/uploads.resolver.js';
import { UploadsService } from './features/chat/uploads/uploads.service.js';
import { UsageRepository } from './features/chat/usage/usage.repository.js';
import { UsageResolver } from './features/chat/usage/usage.resolver.js';
import { UsageService } from './features/chat/usage/usage.service.js';
import { NodeResolver, type NodeFinder } from './graphql/node.resolver.js';
import { createRateLimiter } from './graphql/rate-limit.js';
import { systemClock } from './kernel/clock.js';
import type { Log } from './kernel/log.js';

export interface FeaturesOptions {
  readonly config: Config;
  readonly adapters: Adapters;
  readonly log: Log;
  readonly version: string;
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal;
  /** The address of the file with this access key. */
  readonly fileUrl: (accessKey: string) => string;
  /** Where a provider of logins sends users back to. */
  readonly callbackUrl: (provider: string) => string;
  /** Where the service is reached, as `https://chat.example.com`; known once it listens. */
  readonly serviceUrl: () => string;
}

export type Features = ReturnType<typeof createFeatures>;

/** Makes every service, and the resolvers over them. */
export function createFeatures(options: FeaturesOptions) {
  const { config, adapters, log, version, closing, fileUrl, serviceUrl } = options;
  const { database, events } = adapters;
  const clock = systemClock;
  const catalogue = new PlanCatalogue(config.plans);
  const auditRepository = new AuditRepository(database);
  const audit = new AuditLog(auditRepository);
  const auditReader = new AuditService(auditRepository);
  const plans = new PlansService(new PlansRepository(database), catalogue, audit);
  const usage = new UsageService(new UsageRepository(database), catalogue, clock);
  const { accounts, sessions, login, secondFactor, freshProof, watch } = createAccounts({
    config,
    adapters,
    log,
    catalogue,
    audit,
  });
  const { identities, providerLogins } = createIdentities({ ...options, accounts, login, freshProof, audit });
  const passkeys = createPasskeys({ config, adapters, serviceUrl, accounts, login, secondFactor, audit });
  const codes = createCodes({ config, adapters, log, accounts, identities, passkeys, audit });
  const conversationsRepository = new ConversationsRepository(database);
  const messagesRepository = new MessagesRepository(database);
  const conversations = new ConversationsService(conversationsRepository, catalogue, events);
  const messages = new MessagesService(messagesRepository, conversations, events, closing);
  const { replies, runner, recovery } = createReplies({ config, adapters, log, conversations, messages, usage });
  const uploads = new UploadsService({
    database,
    repository: new UploadsRepository(database),
    store: adapters.files,
    plans: catalogue,
    usage,
    maxBytes: config.uploads.maxBytes,
  });
  const finders: NodeFinder[] = [
    {
      typeName: 'Plan',
      accepts: (id) => catalogue.isPlan(id),
      find: (_viewer, id) => Promise.resolve(plans.find(id) ?? null),
    },
    { typeName: 'Message', find: (viewer, id) => messages.findVisible(viewer, id) },
    { typeName: 'Conversation', find: (viewer, id) => conversations.findVisible(viewer, id) },
    { typeName: 'User', find: (viewer, id) => accounts.findVisible(viewer, id) },
    { typeName: 'UploadedFile', find: (viewer, id) => uploads.findVisible(viewer, id) },
    { typeName: 'Identity', find: (viewer, id) => identities.findVisible(viewer, id) },
    { typeName: 'Passkey', find: (viewer, id) => passkeys.findVisible(viewer, id) },
    { typeName: 'Session', find: (viewer, id) => sessions.findVisible(viewer, id) },
    { typeName: 'DailyUsage', find: (viewer, id) => usage.findVisibleDay(viewer, id) },
    { typeName: 'UsageEntry', find: (viewer, id) => usage.findVisibleEntry(viewer, id) },
    { typeName: 'AuditEvent', find: (viewer, id) => auditReader.findVisible(viewer, id) },
  ];
  const instances = [
    new AccountsResolver(accounts),
    new AdminResolver(accounts),
    new AuditResolver(auditReader, accounts),
    new ConversationExport(conversations, messages),
    new ConversationExportResolver(),
    new ConversationMessagesResolver(messages),
    new ConversationsResolver(conversations, accounts),
    new IdentitiesResolver(identities, providerLogins),
    new ProviderLoginsResolver(providerLogins),
    new HealthResolver(new HealthService(database, adapters.model, version)),
    new MessagesResolver(messages, conversations, accounts),
    new NodeResolver(finders),
    new OneTimeCodesResolver(codes),
    new PasskeysResolver(passkeys),
    new PlansResolver(plans),
    new RepliesResolver(replies, messages),
    new ReplyCompletedResolver(messages),
    new ReplyFailedResolver(messages),
    new SecondFactorResolver(secondFactor, login),
    new SessionsResolver(sessions, login),
    new UploadsResolver(uploads, fileUrl),
    new UsageResolver(usage, accounts),
    new UserConversationsResolver(conversations),
    messages,
    replies,
  ];
  return {
    accounts,
    codes,
    secondFactor,
    sessions,
    internalCalls: new InternalCalls(audit, clock),
    watch,
    usage,
    runner,
    recovery,
    uploads,
    uploadSweep: new UploadSweep(uploads, log),
    instances,
  };
}

interface AccountsOptions extends Pick<FeaturesOptions, 'config' | 'adapters' | 'log'> {
  readonly catalogue: PlanCatalogue;
  readonly audit: AuditLog;
}

function createAccounts({ config, adapters, log, catalogue, audit }: AccountsOptions) {
  const { database, durableRateLimits, secrets } = adapters;
  const clock = systemClock;
  const passwords = new PasswordHasher();
  const repository = new SessionsRepository(database);
  const watch = new SessionWatch({ repository, clock, log });
  const sessions = new SessionsService({
    repository,
    tokens: new AccessTokens({ secrets, lifetimeMinutes: config.accessTokenMinutes, clock }),
    internalCallers: new InternalCallers({ ...config.internal, proxies: config.trustedProxies }),
    watch,
    audit,
    refreshTokenDays: config.refreshTokenDays,
    clock,
  });
  const users = new AccountsRepository(database);
  const accounts = new AccountsService({ users, plans: catalogue, passwords, sessions, audit, clock });
  const limiter = (name: string, rule: RateLimit) =>
    createRateLimiter(durableRateLimits, { name, ...rule }, 'Too many login attempts');
  const limiters = {
    address: limiter('login', config.rateLimits.login),
    client: limiter('login-client', config.rateLimits.loginClient),
  };
  const factors = createSecondFactor({ config, adapters, log, accounts, sessions, passwords, audit });
  const login = new LoginService({ accounts, passwords, sessions, challenges: factors.challenges, audit, limiters });
  return { accounts, sessions, login, secondFactor: factors.service, freshProof: factors.freshProof, watch };
}

interface CodesOptions extends Pick<FeaturesOptions, 'config' | 'adapters' | 'log'> {
  readonly accounts: AccountsService;
  readonly identities: IdentitiesService;
  readonly passkeys: PasskeysService;
  readonly audit: AuditLog;
}

function createCodes({
  config,
  adapters,
  log,
  accounts,
  identities,
  passkeys,
  audit,
}: CodesOptions): OneTimeCodesService {
  const { database, durableRateLimits, jobs, mailer, secrets } = adapters;
  const { codeAddress, codeClient } = config.rateLimits;
  const limiter = (name: string, rule: RateLimit) =>
    createRateLimiter(durableRateLimits, { name, ...rule }, 'Too many requests');
  return new OneTimeCodesService({
    repository: new OneTimeCodesRepository(database),
    accounts,
    identities,
    passkeys,
    audit,
    hasher: new CodeHasher(secrets),
    jobs,
    mailer,
    limiters: { address: limiter('code-address', codeAddress), client: limiter('code-client', codeClient) },
    clock: systemClock,
    log,
  });
}

interface RepliesOptions extends Pick<FeaturesOptions, 'config' | 'adapters' | 'log'> {
  readonly conversations: ConversationsService;
  readonly messages: MessagesService;
  readonly usage: UsageService;
}

function createReplies({ config, adapters, log, conversations, messages, usage }: RepliesOptions) {
  const { database, events, rateLimits, model, counter } = adapters;
  const repository = new RepliesRepository(database);
  const shared = { database, replies: repository, usage, messages, counter, events, log };
  const runner = new ReplyRunner({ ...shared, model });
  const { chat, message } = config.rateLimits;
  const replies = new RepliesService({
    ...shared,
    conversations,
    runner,
    model,
    limits: {
      chat: createRateLimiter(rateLimits, { name: 'chat', ...chat }, 'Too many requests'),
      message: createRateLimiter(rateLimits, { name: 'message', ...message }, 'Too many messages'),
    },
    contextTokens: config.model.contextTokens,
    maxReplyTokens: config.model.maxReplyTokens,
  });
  return { replies, runner, recovery: new ReplyRecovery(shared) };
}
