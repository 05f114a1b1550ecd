import type { Adapters } from './app-adapters.js';
import type { Config } from './config.js';
import { conversationsFeature } from './features/chat/conversations/conversations.feature.js';
import { exportFeature } from './features/chat/export/export.feature.js';
import { modelsFeature } from './features/chat/models/models.feature.js';
import { feedsFeature } from './features/chat/feeds/feeds.feature.js';
import { messagesFeature } from './features/chat/messages/messages.feature.js';
import { plansFeature } from './features/chat/plans/plans.feature.js';
import { titlesFeature } from './features/chat/titles/titles.feature.js';
import { repliesFeature } from './features/chat/replies/replies.feature.js';
import { uploadsFeature } from './features/chat/uploads/uploads.feature.js';
import { usageFeature } from './features/chat/usage/usage.feature.js';
import { accountsFeature } from './features/identity/accounts/accounts.feature.js';
import {
  accountChangesFeature,
  accountNotices,
  clearEmailChange,
} from './features/identity/account-changes/account-changes.feature.js';
import { clearIdentities } from './features/identity/identities/clear-identities.js';
import { identitiesFeature } from './features/identity/identities/identities.feature.js';
import { invitationsFeature } from './features/identity/invitations/invitations.feature.js';
import { loginFeature } from './features/identity/login/login.feature.js';
import { clearOneTimeCodes } from './features/identity/one-time-codes/clear-one-time-codes.js';
import { oneTimeCodesFeature } from './features/identity/one-time-codes/one-time-codes.feature.js';
import { clearPasskeys } from './features/identity/passkeys/clear-passkeys.js';
import { passkeysFeature } from './features/identity/passkeys/passkeys.feature.js';
import { clearSecondFactor } from './features/identity/second-factor/clear-second-factor.js';
import { secondFactorFeature, secondFactorParts } from './features/identity/second-factor/second-factor.feature.js';
import { personalTokens } from './features/identity/personal-access-tokens/personal-tokens.js';
import { personalAccessTokensFeature } from './features/identity/personal-access-tokens/personal-access-tokens.feature.js';
import { sessionsFeature } from './features/identity/sessions/sessions.feature.js';
import { userSessionsFeature } from './features/identity/user-sessions/user-sessions.feature.js';
import { auditFeature, storedAuditLog } from './features/operations/audit/audit.feature.js';
import { announcementsFeature } from './features/operations/announcements/announcements.feature.js';
import { idempotencyFeature } from './features/operations/idempotency/idempotency.feature.js';
import { healthFeature } from './features/operations/health/health.feature.js';
import { deadMailFeature } from './features/operations/dead-mail/dead-mail.feature.js';
import { modelBreakersFeature } from './features/operations/model-breakers/model-breakers.feature.js';
import { modelFailuresFeature } from './features/operations/model-failures/model-failures.feature.js';
import { runningRepliesFeature } from './features/operations/running-replies/running-replies.feature.js';
import { streamTicketsFeature } from './features/operations/stream-tickets/stream-tickets.feature.js';
import { usageCorrectionsFeature } from './features/operations/usage-corrections/usage-corrections.feature.js';
import { userLinksFeature } from './features/operations/user-links/user-links.feature.js';
import { NodeResolver, type NodeFinder } from './graphql/node.resolver.js';
import { systemClock } from './kernel/clock.js';
import type { Log } from './kernel/log.js';
import { systemTimers } from './kernel/timers.js';
import type { Metrics } from './ports/metrics.js';
import type { Tracing } from './ports/tracing.js';

export interface FeaturesOptions {
  readonly config: Config;
  readonly adapters: Adapters;
  readonly log: Log;
  readonly version: string;
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal;
  /** Aborted some seconds earlier, when clients should begin to go elsewhere. */
  readonly leaving: AbortSignal;
  /** The URL of the file with this access key. */
  readonly fileUrl: (accessKey: string) => string;
  /** The URL to which a login provider sends users back. */
  readonly callbackUrl: (provider: string) => string;
  /** The URL of a reply's stream, with the ticket that lets it be read. */
  readonly streamUrl: (messageId: string, ticket: string) => string;
  /** The URL of the page that undoes a change of an account. */
  readonly undoUrl: (token: string) => string;
  /** The service's own URL, such as `https://chat.example.com`; known once it listens. */
  readonly serviceUrl: () => string;
  /** Absent where nothing is measured. */
  readonly metrics?: Metrics | undefined;
  /** Absent where nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

export type Features = ReturnType<typeof createFeatures>;

/** The product: all features, wired together. */
export function createFeatures({ config, adapters, serviceUrl, ...options }: FeaturesOptions) {
  const audit = storedAuditLog(adapters.database);
  const shared = {
    ...options,
    ...adapters,
    rateLimits: config.rateLimits,
    audit,
    clock: systemClock,
    timers: systemTimers,
  };

  const modelFailures = modelFailuresFeature(shared);
  const deadMail = deadMailFeature(shared);
  const plans = plansFeature({ ...shared, plans: config.plans });
  const { catalogue } = plans;
  const usage = usageFeature({ ...shared, plans: catalogue });
  const models = modelsFeature({
    ...shared,
    plans: catalogue,
    configured: config.models,
    currency: config.model.currency,
  });
  const feeds = feedsFeature(shared);
  const conversations = conversationsFeature({
    ...shared,
    feeds: feeds.service,
    plans: catalogue,
    models: models.catalogue,
  });
  const messages = messagesFeature({ ...shared, feeds: feeds.service, conversations: conversations.service });
  const titles = titlesFeature({
    ...shared,
    settings: config.titles,
    models: models.catalogue,
    conversations: conversations.service,
    usage: usage.service,
  });
  const uploads = uploadsFeature({ ...shared, ...config.uploads, plans: catalogue, usage: usage.service });
  const replies = repliesFeature({
    ...shared,
    ...config.model,
    ...config.tools,
    plans: catalogue,
    models: models.catalogue,
    failures: modelFailures.failures,
    onComplete: titles.onComplete,
    conversations: conversations.service,
    messages: messages.service,
    usage: usage.service,
    uploads: uploads.service,
  });
  const exports = exportFeature({ conversations: conversations.service, messages: messages.service });

  const sessions = sessionsFeature({
    ...shared,
    ...config,
    secrets: adapters.secrets,
    personalTokens: personalTokens(shared),
    internal: { ...config.internal, proxies: config.trustedProxies },
    maxStreams: config.connections.streamsPerUser,
  });
  const invitations = invitationsFeature({ ...shared, plans: catalogue, signUp: config.signUp });
  const { signUps } = invitations;
  const notices = accountNotices(shared);
  const factorParts = secondFactorParts(shared);
  const handover = [clearIdentities, clearPasskeys, clearSecondFactor, clearOneTimeCodes, clearEmailChange].map(
    (part) => part(shared),
  );
  const accounts = accountsFeature({
    ...shared,
    plans: catalogue,
    sessions: sessions.service,
    signUps,
    notices,
    secondFactorProof: factorParts.proof,
    handover,
  });
  const people = { ...accounts, accounts: accounts.service, sessions: sessions.service, notices };
  const secondFactor = secondFactorFeature({ ...shared, ...people, parts: factorParts });
  const login = loginFeature({ ...shared, ...people, challenges: secondFactor.challenges });
  const identities = identitiesFeature({
    ...shared,
    ...people,
    login: login.service,
    freshProof: secondFactor.freshProof,
    returnUrls: config.loginProviders.returnUrls,
  });
  const passkeys = passkeysFeature({
    ...shared,
    ...people,
    login: login.service,
    secondFactor: secondFactor.service,
    rpId: config.webAuthn.rpId,
    origins: () => config.webAuthn.origins ?? [new URL(serviceUrl()).origin, ...config.corsOrigins],
  });
  const personalAccessTokens = personalAccessTokensFeature({
    ...shared,
    ...people,
    freshProof: secondFactor.freshProof,
    secondFactorProof: factorParts.proof,
  });
  const userSessions = userSessionsFeature({ ...shared, ...people });
  const oneTimeCodes = oneTimeCodesFeature({
    ...shared,
    ...people,
  });

  const accountChanges = accountChangesFeature({
    ...shared,
    ...people,
    secondFactor: secondFactor.service,
    oneTimeCodes: oneTimeCodes.service,
  });

  const idempotency = idempotencyFeature(shared);
  const auditing = auditFeature({ ...shared, ...people });
  const streamTickets = streamTicketsFeature({ ...shared, replies: replies.service, sessions: sessions.service });
  const announcements = announcementsFeature(shared);
  const modelBreakers = modelBreakersFeature({ ...shared, models: models.catalogue });
  const runningReplies = runningRepliesFeature({
    ...shared,
    here: { replies: replies.service, runner: replies.runner },
  });
  const usageCorrections = usageCorrectionsFeature({ ...shared, ...people, usage: usage.service });
  const health = healthFeature({ ...shared, models: models.catalogue });
  const userLinks = userLinksFeature({
    ...people,
    plans: plans.service,
    usage: usage.service,
    conversations: conversations.service,
  });

  // `node` tries the finders in this order, so that the types asked for most come first.
  const withNodes = [
    plans,
    messages,
    conversations,
    accounts,
    uploads,
    identities,
    passkeys,
    sessions,
    personalAccessTokens,
    usage,
    auditing,
  ];
  const nodes: readonly NodeFinder[] = withNodes.flatMap((feature): readonly NodeFinder[] => feature.nodes);
  const all = [
    ...withNodes,
    replies,
    exports,
    secondFactor,
    login,
    oneTimeCodes,
    invitations,
    accountChanges,
    health,
    userLinks,
    streamTickets,
    models,
    modelFailures,
    modelBreakers,
    deadMail,
    runningReplies,
    userSessions,
    usageCorrections,
    announcements,
  ];
  return {
    resolvers: [...all.flatMap((feature): readonly object[] => feature.resolvers), new NodeResolver(nodes)],
    admins: accounts.admins,
    sessions: sessions.service,
    watch: sessions.watch,
    sessionSweep: sessions.sweep,
    streams: sessions.streams,
    secondFactor: secondFactor.service,
    oneTimeCodes,
    invitations,
    accountChanges,
    titles,
    usage: usage.service,
    runner: replies.runner,
    recovery: replies.recovery,
    models,
    modelBreakers: modelBreakers.service,
    breakerWatch: modelBreakers.watch,
    uploads,
    feeds,
    internalCalls: auditing.internalCalls,
    idempotency,
    health,
  };
}
