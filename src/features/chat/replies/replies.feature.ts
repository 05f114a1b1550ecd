import type { Log } from '../../../kernel/log.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { Timers } from '../../../kernel/timers.js';
import type { EventBus } from '../../../ports/event-bus.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { TokenCounter } from '../../../ports/language-model.js';
import type { ModelFailureLog } from '../../../ports/model-failure-log.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
import type { Tracing } from '../../../ports/tracing.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import type { MessagesService } from '../messages/messages.service.js';
import type { ModelCatalogue } from '../models/model-catalogue.js';
import type { PlanCatalogue } from '../plans/plan.js';
import type { UploadsService } from '../uploads/uploads.service.js';
import type { UsageService } from '../usage/usage.service.js';
import { Images } from './images.js';
import { ImagesResolver } from './images.resolver.js';
import { RepliesRepository } from './replies.repository.js';
import { RepliesResolver, ReplyCompletedResolver, ReplyFailedResolver } from './replies.resolver.js';
import { RepliesService } from './replies.service.js';
import { ReplyRecovery } from './reply-recovery.js';
import { ReplyRunner } from './reply-runner.js';
import type { RunningReplyNeeds } from './running-reply.js';
import { ServerTools, type ConnectedToolServer } from './server-tools.js';
import { ToolRounds } from './tool-rounds.js';
import { ToolsResolver } from './tools.resolver.js';
import { VersionsResolver } from './versions.resolver.js';
import { VersionsService } from './versions.service.js';
import { WaitingReplies } from './waiting-replies.js';

interface RepliesFeatureNeeds {
  readonly database: Database;
  readonly conversations: ConversationsService;
  readonly messages: MessagesService;
  readonly usage: UsageService;
  readonly uploads: UploadsService;
  readonly events: EventLog;
  readonly bus: EventBus;
  readonly failures: ModelFailureLog;
  readonly models: ModelCatalogue;
  readonly counter: TokenCounter;
  /** Called in the transaction that stores a complete reply. */
  readonly onComplete: RunningReplyNeeds['onComplete'];
  /** Maximum seconds and characters of an answer. */
  readonly maxReplySeconds: number;
  readonly maxReplyCharacters: number;
  /** How long a reply waits for the results of its tools, and how often its model may call tools and go on. */
  readonly toolWaitSeconds: number;
  readonly maxToolRounds: number;
  /** The operator's servers whose tools models may call. */
  readonly toolServers: readonly ConnectedToolServer[];
  readonly plans: PlanCatalogue;
  readonly audit: AuditLog;
  readonly createLimiter: CreateRateLimiter;
  readonly rateLimits: { readonly chat: RateLimit; readonly message: RateLimit };
  readonly timers: Timers;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
}

/** Asking the model, streaming its replies, and ending replies that a crash interrupted. */
export function repliesFeature(needs: RepliesFeatureNeeds) {
  const { database, messages, createLimiter, rateLimits } = needs;
  const shared = { ...needs, replies: new RepliesRepository(database) };
  const runner = new ReplyRunner({ ...shared, limits: needs });
  const limits = {
    chat: createLimiter({ name: 'chat', ...rateLimits.chat }, 'Too many requests'),
    message: createLimiter({ name: 'message', ...rateLimits.message }, 'Too many messages'),
  };
  const waiting = new WaitingReplies(shared);
  const rounds = new ToolRounds({ ...shared, maxRounds: needs.maxToolRounds });
  const serverTools = new ServerTools(needs);
  const images = new Images(shared);
  const service = new RepliesService({
    ...shared,
    runner,
    rounds,
    waiting,
    limits,
    images,
    ownTools: (viewer, place) => serverTools.find(viewer, place),
  });
  return {
    service,
    runner,
    recovery: new ReplyRecovery({ ...shared, waiting, running: runner }),
    resolvers: [
      new RepliesResolver({ service, messages }),
      new ToolsResolver(service),
      new ImagesResolver(images),
      new VersionsResolver(new VersionsService({ replies: service, messages })),
      new ReplyCompletedResolver(messages),
      new ReplyFailedResolver(messages),
    ],
  };
}
