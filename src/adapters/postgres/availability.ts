import type { Log } from '../../kernel/log.js';
import { Unavailable } from '../../kernel/errors.js';
import { describeFailure, failureOf, type Failure } from './connection-failure.js';

interface Words {
  /** For clients. */
  readonly message: string;
  /** For the operator's log. */
  readonly logged: string;
  readonly retryAfterSeconds?: number;
}

const WORDS: Readonly<Record<Failure, Words>> = {
  unreachable: {
    message: 'The database cannot be reached at present',
    logged: 'The database cannot be reached',
  },
  busy: {
    message: 'The database is busy at present',
    logged: 'The database is too busy: a request was given up',
    retryAfterSeconds: 2,
  },
  conflict: {
    message: 'The database is busy at present',
    logged: 'A transaction was in the way of another one again and again: it was given up',
    retryAfterSeconds: 1,
  },
  full: {
    message: 'The database has no room left at present',
    logged: 'The disk of the database is full',
    retryAfterSeconds: 10,
  },
  unwritable: {
    message: 'The database cannot be written to at present',
    logged: 'The database takes no writes',
    retryAfterSeconds: 10,
  },
};

/** How often one kind of failure is logged at most, of those that come by the hundred. */
const LOG_INTERVAL_MS = 10_000;

/** How long a refused write tells that the next one will be refused as well. */
const WRITE_REFUSED_MS = 10_000;

/** The error of {@link Availability}. Prisma replaces an error that has a code by one of its own, with the same `meta`. */
export class DatabaseUnavailable extends Unavailable {
  constructor(
    readonly failure: Failure,
    cause: unknown,
  ) {
    const { message, retryAfterSeconds } = WORDS[failure];
    super(message, { cause, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
  }

  override get name(): string {
    return 'Unavailable';
  }

  get meta() {
    return { unavailable: this };
  }
}

/**
 * Turns what the database could not do into {@link DatabaseUnavailable}, so that clients are told to retry later. Logs the
 * beginning and the end of an outage, and other failures now and then, but not every failed request.
 */
export class Availability {
  private reachable = true;
  private readonly loggedAt = new Map<Failure, number>();
  private refusedWrite: { readonly failure: DatabaseUnavailable; readonly at: number } | undefined;

  constructor(private readonly logger: Log) {}

  /** @throws DatabaseUnavailable in place of a failure that is not about the statement; every other error as it is */
  async watch<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      const result = await work();
      this.answered();
      return result;
    } catch (error) {
      throw this.failed(error);
    }
  }

  /** Notes that the database has answered. */
  answered(): void {
    if (this.reachable) return;
    this.reachable = true;
    this.logger.info({}, 'The database can be reached again');
  }

  /** Notes the failure of a statement, and returns the error to throw instead of it. */
  failed<Thrown>(error: Thrown): Thrown | DatabaseUnavailable {
    const failure = failureOf(error);
    return failure === undefined ? error : this.note(failure, error);
  }

  /** Notes the failure to get a connection, and returns the error to throw instead of it. */
  lost(cause: unknown): DatabaseUnavailable {
    return this.note(failureOf(cause) ?? 'unreachable', cause);
  }

  /** Notes the error of work that is not done again. */
  gaveUp(error: unknown): void {
    if (error instanceof DatabaseUnavailable && error.failure === 'conflict') this.log('conflict', error.cause);
  }

  private note(failure: Failure, cause: unknown): DatabaseUnavailable {
    // What another transaction was in the way of is done again, and mostly succeeds.
    if (failure !== 'conflict') this.log(failure, cause);
    const unavailable = new DatabaseUnavailable(failure, cause);
    if (failure === 'full' || failure === 'unwritable')
      this.refusedWrite = { failure: unavailable, at: performance.now() };
    return unavailable;
  }

  /** @throws DatabaseUnavailable when a write was refused in the last seconds, although reads may be answered */
  assertWritable(): void {
    if (this.refusedWrite !== undefined && performance.now() - this.refusedWrite.at < WRITE_REFUSED_MS) {
      throw this.refusedWrite.failure;
    }
  }

  private log(failure: Failure, cause: unknown): void {
    if (this.isNew(failure)) this.logger.error({ reason: describeFailure(cause) }, WORDS[failure].logged);
  }

  private isNew(failure: Failure): boolean {
    if (failure === 'unreachable') {
      const wasReachable = this.reachable;
      this.reachable = false;
      return wasReachable;
    }
    const now = performance.now();
    const last = this.loggedAt.get(failure);
    if (last !== undefined && now - last < LOG_INTERVAL_MS) return false;
    this.loggedAt.set(failure, now);
    return true;
  }
}
