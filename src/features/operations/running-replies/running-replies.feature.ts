import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { RepliesService } from '../../chat/replies/replies.service.js';
import type { ReplyRunner } from '../../chat/replies/reply-runner.js';
import { RunningRepliesRepository } from './running-replies.repository.js';
import { RunningRepliesResolver } from './running-replies.resolver.js';
import { RunningRepliesService } from './running-replies.service.js';

interface RunningRepliesFeatureNeeds {
  readonly database: Database;
  readonly audit: AuditLog;
  /** What runs in this process; absent in one that runs no replies. */
  readonly here?: { readonly replies: Pick<RepliesService, 'end'>; readonly runner: Pick<ReplyRunner, 'find'> };
}

/** Replies that run, for admins and for the operator. */
export function runningRepliesFeature({ database, audit, here }: RunningRepliesFeatureNeeds) {
  const service = new RunningRepliesService({
    database,
    audit,
    repository: new RunningRepliesRepository(database),
    isHere: (messageId) => here?.runner.find(messageId) !== undefined,
    end: here && ((messageId) => here.replies.end(messageId)),
  });
  return { service, resolvers: [new RunningRepliesResolver(service)] };
}
