import type { Adapters } from './app-adapters.js';
import type { Config } from './config.js';
import { conversationsFeature } from './features/chat/conversations/conversations.feature.js';
import { exportFeature } from './features/chat/export/export.feature.js';
import { messagesFeature } from './features/chat/messages/messages.feature.js';
import { plansFeature } from './features/chat/plans/plans.feature.js';
import { repliesFeature } from './features/chat/replies/replies.feature.js';
import { uploadsFeature } from './features/chat/uploads/uploads.feature.js';
import { usageFeature } from './features/chat/usage/usage.feature.js';
import { accountsFeature } from './features/identity/accounts/accounts.feature.js';
import { identitiesFeature } from './features/identity/identities/identities.feature.js';
import { loginFeature } from './features/identity/login/login.feature.js';
import { oneTimeCodesFeature } from './features/identity/one-time-codes/one-time-codes.feature.js';
import { passkeysFeature } from './features/identity/passkeys/passkeys.feature.js';
import { secondFactorFeature } from './features/identity/second-factor/second-factor.feature.js';
import { sessionsFeature } from './features/identity/sessions/sessions.feature.js';
import { auditFeature, storedAuditLog } from './features/operations/audit/audit.feature.js';
import { healthFeature } from './features/operations/health/health.feature.js';
import { userLinksFeature } from './features/operations/user-links/user-links.feature.js';
import { NodeResolver, type NodeFinder } from './graphql/node.resolver.js';
import { systemClock } from './kernel/clock.js';
import type { Log } from './kernel/log.js';

export interface FeaturesOptions {
  readonly config: Config;
  readonly adapters: Adapters;
  readonly log: Log;
  readonly version: string;
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal;
  /** The URL of the file with this access key. */
  readonly fileUrl: (accessKey: string) => string;
  /** The URL to which a login provider sends users back. */
  readonly callbackUrl: (provider: string) => string;
  /** The service's own URL, such as `https://chat.example.com`; known once it listens. */
  readonly serviceUrl: () => string;
}

export type Features = ReturnType<typeof createFeatures>;

/** The product: all features, wired together. */
export function createFeatures({ config, adapters, serviceUrl, ...options }: FeaturesOptions) {
  const audit = storedAuditLog(adapters.database);
  const shared = { ...options, ...adapters, rateLimits: config.rateLimits, audit, clock: systemClock };

  const plans = plansFeature({ ...shared, plans: config.plans });
  const { catalogue } = plans;
  const usage = usageFeature({ ...shared, plans: catalogue });
  const conversations = conversationsFeature({ ...shared, plans: catalogue });
  const messages = messagesFeature({ ...shared, conversations: conversations.service });
  const replies = repliesFeature({
    ...shared,
    ...config.model,
    conversations: conversations.service,
    messages: messages.service,
    usage: usage.service,
  });
  const uploads = uploadsFeature({ ...shared, ...config.uploads, plans: catalogue, usage: usage.service });
  const exports = exportFeature({ conversations: conversations.service, messages: messages.service });

  const sessions = sessionsFeature({
    ...shared,
    ...config,
    secrets: adapters.secrets,
    internal: { ...config.internal, proxies: config.trustedProxies },
  });
  const accounts = accountsFeature({ ...shared, plans: catalogue, sessions: sessions.service });
  const people = { ...accounts, accounts: accounts.service, sessions: sessions.service };
  const secondFactor = secondFactorFeature({ ...shared, ...people });
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
  const oneTimeCodes = oneTimeCodesFeature({
    ...shared,
    ...people,
    identities: identities.service,
    passkeys: passkeys.service,
  });

  const auditing = auditFeature({ ...shared, ...people });
  const health = healthFeature(shared);
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
    usage,
    auditing,
  ];
  const nodes: readonly NodeFinder[] = withNodes.flatMap((feature): readonly NodeFinder[] => feature.nodes);
  const all = [...withNodes, replies, exports, secondFactor, login, oneTimeCodes, health, userLinks];
  return {
    resolvers: [...all.flatMap((feature): readonly object[] => feature.resolvers), new NodeResolver(nodes)],
    admins: accounts.admins,
    sessions: sessions.service,
    watch: sessions.watch,
    secondFactor: secondFactor.service,
    oneTimeCodes,
    usage: usage.service,
    runner: replies.runner,
    recovery: replies.recovery,
    uploads,
    internalCalls: auditing.internalCalls,
  };
}
