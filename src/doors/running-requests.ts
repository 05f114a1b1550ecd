import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../kernel/log.js';
import type { Door, EndedRequest } from '../ports/metrics.js';
import type { Span, SpanOptions, Tracing } from '../ports/tracing.js';
import { traceIn } from './caller.js';
import { FILES_PATH } from './files.js';
import { PROBES_PATH } from './probes.js';
import { encodedPathOf, isGraphQLPath, pathOf } from './request-target.js';
import { noteRunning, RunningRequest } from './running-request.js';

const SERVER: SpanOptions = { kind: 'server' };
/** The paths that every request at a door has. */
const ROUTES: Partial<Record<Door, string>> = { graphql: '/graphql', files: `${FILES_PATH}{key}` };
const REST_PATH = '/api/v1/';

export interface RunningRequestsOptions {
  /** The address of the client, behind trusted proxies; null when it is not known. */
  readonly clientOf: (request: IncomingMessage) => string | null;
  readonly onEnd?: ((request: EndedRequest) => void) | undefined;
  readonly tracing?: Pick<Tracing, 'receive'> | undefined;
  /** Counts what waits for the user whom a request is found to be of. @returns what ends it */
  readonly own?: ((userId: string, response: ServerResponse) => () => void) | undefined;
}

/** The requests in progress: each gets an entry in the access log, and shutdown waits for all of them. */
export class RunningRequests {
  #count = 0;
  #waiting: (() => void)[] = [];

  constructor(
    private readonly log: Pick<Log, 'debug' | 'info'>,
    private readonly options: RunningRequestsOptions,
  ) {}

  /** Tracks a request until its answer is sent or its client has disconnected. */
  follow(request: IncomingMessage, response: ServerResponse, requestId: string): RunningRequest {
    const { own } = this.options;
    // While there is a connection.
    const client = this.options.clientOf(request);
    const start = performance.now();
    this.#count += 1;
    const span = this.options.tracing?.receive(request.method ?? '', traceIn(request.headers) ?? {}, SERVER);
    const running = new RunningRequest(requestId, span, own && ((userId) => own(userId, response)));
    noteRunning(response, running);
    response.once('close', () => {
      running.end();
      const door = doorAt(pathOf(request.url));
      const { userId, operation } = running;
      const entry = { requestId, door, client, ...accessEntry(request, response, start), userId, operation };
      const write = () => {
        // Monitors ask every few seconds.
        if (door === 'health' && response.statusCode < 400) this.log.debug?.(entry, 'Request');
        else this.log.info(entry, 'Request');
      };
      if (span === undefined) write();
      else {
        span.run(write);
        endSpan(span, running, { request, response, door });
      }
      this.options.onEnd?.(endedRequest(door, response, start, operation));
      this.#count -= 1;
      if (this.#count === 0) this.#wake();
    });
    return running;
  }

  /** A request that is no longer one: its connection speaks another protocol, or is refused. */
  logUpgrade(request: IncomingMessage, requestId: string, status: number): void {
    const { method, url } = request;
    const path = method === 'CONNECT' ? '' : loggedPath(url);
    const client = this.options.clientOf(request);
    const write = () => {
      this.log.info({ requestId, door: 'websocket', client, method, path, status, ms: 0, complete: true }, 'Request');
    };
    const span = this.options.tracing?.receive(method ?? '', traceIn(request.headers) ?? {}, SERVER);
    if (span === undefined) {
      write();
      return;
    }
    span.run(write);
    if (span.isRecorded) this.#tellUpgrade(span, request, requestId, status);
    span.end();
  }

  /** What goes on over the connection is not a part of it: that may take hours. Operations name the same trace as it does. */
  #tellUpgrade(
    span: Span,
    { method = '', url, httpVersion }: IncomingMessage,
    requestId: string,
    status: number,
  ): void {
    const route = isGraphQLPath(pathOf(url)) ? ROUTES.graphql : undefined;
    if (route !== undefined) span.rename(`${method} ${route}`);
    span.set({
      'http.request.method': method,
      'http.route': route,
      'url.path': route,
      'http.response.status_code': status,
      'network.protocol.version': httpVersion,
      'flynkle.door': 'websocket',
      'flynkle.request.id': requestId,
    });
    if (status >= 500) span.fail(String(status));
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

/** Tells a trace of the answer: with the pattern of the path alone, since paths have ids, and those of files are secrets. */
function endSpan(
  span: Span,
  running: RunningRequest,
  { request, response, door }: { request: IncomingMessage; response: ServerResponse; door: Door },
): void {
  const { requestId, userId, route = ROUTES[door] } = running;
  if (span.isRecorded) {
    const { method = '' } = request;
    if (route !== undefined) span.rename(`${method} ${route}`);
    span.set({
      'http.request.method': method,
      'http.route': route,
      'url.path': route,
      'url.scheme': 'encrypted' in request.socket ? 'https' : 'http',
      'http.response.status_code': response.headersSent ? response.statusCode : undefined,
      'network.protocol.version': request.httpVersion,
      'flynkle.door': door,
      'flynkle.request.id': requestId,
      'user.id': userId,
    });
    if (!response.writableFinished) span.fail('canceled');
    else if (response.statusCode >= 500) span.fail(String(response.statusCode));
  }
  span.end();
}

function endedRequest(door: Door, response: ServerResponse, start: number, operation = ''): EndedRequest {
  return {
    door,
    // At the other doors it is a name that the client chose.
    operation: door === 'rest' ? operation : '',
    status: response.writableFinished ? response.statusCode : null,
    seconds: (performance.now() - start) / 1_000,
  };
}

function doorAt(path: string | null): Door {
  if (path === null) return 'page';
  if (path.startsWith(PROBES_PATH)) return 'health';
  if (path.startsWith(FILES_PATH)) return 'files';
  if (path.startsWith(REST_PATH)) return 'rest';
  return isGraphQLPath(path) ? 'graphql' : 'page';
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
