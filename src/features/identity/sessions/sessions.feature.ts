import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Clock } from '../../../kernel/clock.js';
import type { Log } from '../../../kernel/log.js';
import { Sweep } from '../../../kernel/sweep.js';
import type { Timers } from '../../../kernel/timers.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import { AccessTokens } from './access-tokens.js';
import { InternalCallers, type InternalCallersOptions } from './internal-callers.js';
import { SessionWatch } from './session-watch.js';
import { StreamPlaces } from './stream-places.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsResolver } from './sessions.resolver.js';
import { SessionsService } from './sessions.service.js';
import { SigningKeys } from './signing-keys.js';
import { StreamTickets } from './stream-tickets.js';
import type { TokenHolders } from './token-holders.js';

interface SessionsFeatureNeeds {
  readonly database: Database;
  /** Keys of access tokens: the first signs, all verify. At least 32 bytes each. */
  readonly secrets: readonly string[];
  readonly accessTokenMinutes: number;
  readonly refreshTokenDays: number;
  /** Decides which callers may act as a user by `X-User-ID`. */
  readonly internal: InternalCallersOptions;
  /** Maximum open streams of a user. */
  readonly maxStreams?: number;
  readonly personalTokens: TokenHolders;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Pick<Log, 'warn'>;
}

/** Sessions: their tokens, authentication of requests, and closing of open streams when a session ends. */
export function sessionsFeature(needs: SessionsFeatureNeeds) {
  const {
    database,
    secrets,
    accessTokenMinutes,
    refreshTokenDays,
    internal,
    personalTokens,
    maxStreams = 500,
    audit,
    clock,
    timers,
    log,
  } = needs;
  const repository = new SessionsRepository(database);
  const watch = new SessionWatch({ repository, personalTokens, clock, log });
  const service = new SessionsService({
    repository,
    tokens: new AccessTokens({ secrets, lifetimeMinutes: accessTokenMinutes, clock }),
    tickets: new StreamTickets({ keys: new SigningKeys(secrets), clock }),
    personalTokens,
    internalCallers: new InternalCallers(internal),
    watch,
    audit,
    refreshTokenDays,
    clock,
  });
  let mark: string | null = null;
  return {
    service,
    watch,
    sweep: new Sweep({
      work: async () => {
        mark = await repository.sweepEnds(mark);
        return false;
      },
      failure: 'notes of sessions that have ended were not removed; it is tried again',
      timers,
      log,
    }),
    streams: new StreamPlaces(maxStreams),
    resolvers: [new SessionsResolver(service)],
    nodes: [{ typeName: 'Session', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
