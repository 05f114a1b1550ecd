import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../kernel/log.js';
import { FILES_PATH } from './files.js';
import { encodedPathOf, pathOf } from './request-target.js';

/** Facts that are known only while the request runs, for its access log entry. */
interface Notes {
  userId?: string;
}

/** The requests in progress: each gets an entry in the access log, and shutdown waits for all of them. */
export class RunningRequests {
  readonly #notes = new Map<string, Notes>();
  #count = 0;
  #waiting: (() => void)[] = [];

  constructor(private readonly log: Pick<Log, 'info'>) {}

  /** Tracks a request until its answer is sent or its client has disconnected. */
  follow(request: IncomingMessage, response: ServerResponse, requestId: string): void {
    const notes: Notes = {};
    const start = performance.now();
    this.#notes.set(requestId, notes);
    this.#count += 1;
    response.once('close', () => {
      // Two requests of a client may have the same id.
      if (this.#notes.get(requestId) === notes) this.#notes.delete(requestId);
      this.log.info({ requestId, ...accessEntry(request, response, start), ...notes }, 'Request');
      this.#count -= 1;
      if (this.#count === 0) this.#wake();
    });
  }

  noteViewer(requestId: string, userId: string): void {
    const notes = this.#notes.get(requestId);
    if (notes !== undefined) notes.userId = userId;
  }

  /** Resolves when no request is running. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#count === 0) this.#wake();
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }
}

function accessEntry({ method, url }: IncomingMessage, response: ServerResponse, start: number) {
  return {
    method,
    path: loggedPath(url),
    status: response.headersSent ? response.statusCode : null,
    ms: Math.round(performance.now() - start),
    complete: response.writableFinished,
  };
}

/** The path for the log: without the query, which may hold secrets, and without a file's key, which grants access to it. */
function loggedPath(url: string | undefined): string {
  return pathOf(url)?.startsWith(FILES_PATH) ? `${FILES_PATH}…` : encodedPathOf(url).slice(0, 200);
}
