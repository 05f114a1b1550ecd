import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../kernel/clock.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';

/** Minimum time between two records of the same read. */
const READ_INTERVAL_MS = 60_000;
/** Maximum remembered reads, about 2 MB. With more different reads at once, reads are recorded more often. */
const MAX_READS = 10_000;

/** An operation that a trusted internal caller is about to carry out as a user. */
export interface InternalCall {
  /** The operation's name in the schema or the REST reference. */
  readonly operation: string;
  readonly isRead: boolean;
}

/**
 * Records what internal callers do as users: every change and every stream, but a read at most once a minute per user,
 * operation and address. A gateway that sends all its calls this way would otherwise add a row per page view, and bury
 * the other events.
 */
export class InternalCalls {
  readonly #audit: AuditLog;
  readonly #reads: LRUCache<string, true>;

  constructor(audit: AuditLog, clock: Clock) {
    this.#audit = audit;
    this.#reads = new LRUCache({
      max: MAX_READS,
      ttl: READ_INTERVAL_MS,
      ttlResolution: 0,
      perf: { now: () => clock.now().getTime() },
    });
  }

  /**
   * Records a call before it is carried out, so that none goes unrecorded, even though it may still be refused. Does
   * nothing for users who call for themselves.
   */
  async note({ isInternal, userId, client }: Viewer, { operation, isRead }: InternalCall): Promise<void> {
    if (!isInternal) return;
    const key = `${userId} ${operation} ${client.ipAddress ?? ''}`;
    if (isRead && this.#reads.has(key)) return;
    // Set before the write, so that concurrent reads are recorded once.
    if (isRead) this.#reads.set(key, true);
    try {
      await this.#audit.record({
        action: 'ACTED_AS_USER',
        actorId: null,
        subjectId: userId,
        client,
        details: { operation },
      });
    } catch (error) {
      this.#reads.delete(key);
      throw error;
    }
  }
}
