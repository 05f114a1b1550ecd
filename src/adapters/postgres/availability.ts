import type { Log } from '../../kernel/log.js';
import { Unavailable } from '../../kernel/errors.js';
import { describeFailure, isConnectionFailure } from './connection-failure.js';

/** The message for clients. */
export const UNREACHABLE = 'The database cannot be reached at present';

/**
 * Turns the failure to reach the database into {@link Unavailable}, so that clients are told to retry later. Logs the beginning
 * and the end of an outage, not every failed request.
 */
export class Availability {
  private reachable = true;

  constructor(private readonly logger: Log) {}

  /** @throws Unavailable in place of a connection failure; every other error as it is */
  async watch<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      const result = await work();
      this.regained();
      return result;
    } catch (error) {
      throw isConnectionFailure(error) ? this.lost(error) : error;
    }
  }

  /** Notes the outage, and returns the error to throw instead of `cause`, the connection failure. */
  lost(cause: unknown): Unavailable {
    if (this.reachable) {
      this.reachable = false;
      this.logger.error({ reason: describeFailure(cause) }, 'The database cannot be reached');
    }
    return new Unavailable(UNREACHABLE, { cause });
  }

  private regained(): void {
    if (this.reachable) return;
    this.reachable = true;
    this.logger.info({}, 'The database can be reached again');
  }
}
