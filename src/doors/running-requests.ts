import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../kernel/log.js';
import { FILES_PATH } from './files.js';
import { encodedPathOf, pathOf } from './request-target.js';

/** Facts about a request that are learnt while it runs, for its line in the access log. */
interface Notes {
  userId?: string;
}

/** The requests that are being answered: each gets its line in the access log, and the way out waits for all of them. */
export class RunningRequests {
  readonly #notes = new Map<string, Notes>();
  #count = 0;
  #waiting: (() => void)[] = [];

  constructor(private readonly log: Pick<Log, 'info'>) {}

  /** Follows a request until its answer is out or its client is gone. */
  follow(request: IncomingMessage, response: ServerResponse, requestId: string): void {
    const notes: Notes = {};
    const start = performance.now();
    this.#notes.set(requestId, notes);
    this.#count += 1;
    response.once('close', () => {
      // A client may have given two requests the same id.
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

/** Without the query, which may hold secrets, and without the key of a file: whoever has the key can read the file. */
function loggedPath(url: string | undefined): string {
  return pathOf(url)?.startsWith(FILES_PATH) ? `${FILES_PATH}…` : encodedPathOf(url).slice(0, 200);
}
