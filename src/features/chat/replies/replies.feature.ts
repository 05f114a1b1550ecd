import type { Log } from '../../../kernel/log.js';
import type { Database } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { LanguageModel, TokenCounter } from '../../../ports/language-model.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import type { MessagesService } from '../messages/messages.service.js';
import type { UsageService } from '../usage/usage.service.js';
import { RepliesRepository } from './replies.repository.js';
import { RepliesResolver, ReplyCompletedResolver, ReplyFailedResolver } from './replies.resolver.js';
import { RepliesService } from './replies.service.js';
import { ReplyRecovery } from './reply-recovery.js';
import { ReplyRunner } from './reply-runner.js';

interface RepliesFeatureNeeds {
  readonly database: Database;
  readonly conversations: ConversationsService;
  readonly messages: MessagesService;
  readonly usage: UsageService;
  readonly events: EventLog;
  readonly model: LanguageModel;
  readonly counter: TokenCounter;
  /** In tokens: the model's context window, for prompt and answer together, and the maximum length of an answer. */
  readonly contextTokens: number;
  readonly maxReplyTokens: number;
  readonly createLimiter: CreateRateLimiter;
  readonly rateLimits: { readonly chat: RateLimit; readonly message: RateLimit };
  readonly log: Log;
}

/** Asking the model, streaming its replies, and ending replies that a crash interrupted. */
export function repliesFeature(needs: RepliesFeatureNeeds) {
  const { database, messages, createLimiter, rateLimits } = needs;
  const shared = { ...needs, replies: new RepliesRepository(database) };
  const runner = new ReplyRunner(shared);
  const limits = {
    chat: createLimiter({ name: 'chat', ...rateLimits.chat }, 'Too many requests'),
    message: createLimiter({ name: 'message', ...rateLimits.message }, 'Too many messages'),
  };
  const service = new RepliesService({ ...shared, runner, limits });
  return {
    runner,
    recovery: new ReplyRecovery(shared),
    resolvers: [
      new RepliesResolver({ service, messages }),
      new ReplyCompletedResolver(messages),
      new ReplyFailedResolver(messages),
    ],
  };
}
