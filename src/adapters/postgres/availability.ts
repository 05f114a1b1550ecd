import type { Log } from '../../kernel/log.js';
import { Unavailable } from '../../kernel/errors.js';
import { describeFailure, isConnectionFailure } from './connection-failure.js';

/** What clients are told. */
export const UNREACHABLE = 'The database cannot be reached at present';

/**
 * Turns the failure to reach the database into {@link Unavailable}, so that clients are told to try later. Logs when an
 * outage begins and when it ends, not every request in between.
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

  /** What to throw instead of `cause`, which kept the database from being reached. */
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
