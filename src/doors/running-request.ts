import type { ServerResponse } from 'node:http';
import type { Viewer } from '../kernel/viewer.js';
import type { Span } from '../ports/tracing.js';

/** Maximum characters of a name that is logged: the client chooses it. */
const MAX_NAME_LENGTH = 64;

const RUNNING = Symbol('running request');

type Followed = ServerResponse & { [RUNNING]?: RunningRequest };

/** The request that an answer is to; undefined for one that nobody follows. */
export function runningRequest(response: ServerResponse): RunningRequest | undefined {
  return (response as Followed)[RUNNING];
}

export function noteRunning(response: ServerResponse, running: RunningRequest): void {
  (response as Followed)[RUNNING] = running;
}

/** A request in progress, with what is known only while it runs, for its access log entry. */
export class RunningRequest {
  userId: string | undefined;
  /** The name of the GraphQL operation, or the id of REST's. */
  operation: string | undefined;
  /** The path of REST's operation, with the names of its parameters. */
  route: string | undefined;
  private isOver = false;
  private disown: (() => void) | undefined;

  /**
   * @param span what the answer is to be a part of, where requests are traced
   * @param own begins to count what waits for a user, and returns what ends it
   */
  constructor(
    readonly requestId: string,
    readonly span: Span | undefined,
    private readonly own: ((userId: string) => () => void) | undefined,
  ) {}

  /** Adds the user to the access log entry. */
  noteViewer({ userId }: Viewer): void {
    if (this.isOver) return;
    this.userId = userId;
    this.disown?.();
    this.disown = this.own?.(userId);
  }

  /**
   * Adds the operation's name to the access log entry. The first one counts.
   * @param route the path that led to it, as `/api/v1/users/{user_id}`
   */
  noteOperation(name: string, route?: string): void {
    this.operation ??= name.slice(0, MAX_NAME_LENGTH);
    if (route !== undefined) this.route ??= route;
  }

  end(): void {
    this.isOver = true;
    this.disown?.();
    this.disown = undefined;
  }
}
