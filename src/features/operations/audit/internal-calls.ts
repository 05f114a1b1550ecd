import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../kernel/clock.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';

/** Minimum time between two records of the same read. */
const READ_INTERVAL_MS = 60_000;
/** Maximum remembered reads, some 2 MB. With more users at once, reads are recorded more often. */
const MAX_READS = 10_000;

/** An operation that a trusted internal caller is about to do as a user. */
export interface InternalCall {
  /** Its name in the schema or the REST reference. */
  readonly operation: string;
  readonly isRead: boolean;
}

/**
 * Records what internal callers do as users. Each change and each stream is an event. A read is one a minute for a user, an
 * operation and an address: a gateway that sends all its calls this way would make a row of every page view, and the log
 * would say less the longer it is.
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
   * Records a call before it is carried out, so that none is that is not recorded; it may still be refused then. Does
   * nothing for a user who calls for themselves.
   */
  async note({ isInternal, userId, client }: Viewer, { operation, isRead }: InternalCall): Promise<void> {
    if (!isInternal) return;
    const key = `${userId} ${operation} ${client.ipAddress ?? ''}`;
    if (isRead && this.#reads.has(key)) return;
    // Before the write: reads that come at once are one.
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
