import { createServer } from 'node:http';
import type { Log } from '../kernel/log.js';
import { requestIdOf } from './caller.js';
import { refusesWrite, sendEnvelope } from './envelope.js';
import { Listener } from './listener.js';
import { PROBES_PATH } from './probes.js';
import { pathOf } from './request-target.js';
import { handle, type RequestHandler } from './request-handler.js';

export interface InternalServerOptions {
  /** Everything that is measured, as text. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly probes: RequestHandler;
  readonly log: Log;
}

export interface InternalServer {
  /** @returns its URL */
  listen(port: number, host: string): Promise<string>;
  close(): Promise<void>;
}

/** What a monitor that stands still may hold up. */
const REQUEST_MS = 10_000;

/**
 * A server for those who operate the service, on a port of its own that clients must not reach: nobody has to log in. It answers
 * `/metrics`, and the health checks.
 */
export function createInternalServer({ metrics, probes, log }: InternalServerOptions): InternalServer {
  const answer: RequestHandler = async (request, response, requestId) => {
    const path = pathOf(request.url);
    if (path?.startsWith(PROBES_PATH) === true) await probes(request, response, requestId);
    else if (path !== '/metrics') sendEnvelope(response, { status: 404, message: 'Not found' });
    else if (!refusesWrite(request, response)) {
      const text = await metrics.text();
      response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' });
      response.end(text);
    }
  };
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
    void handle(answer, request, response, requestIdOf(request), log);
  });
  const listener = new Listener(server, log, { port: 'METRICS_PORT', host: 'METRICS_HOST' });
  return {
    listen: async (port, host) => {
      const address = await listener.open(port, host);
      return `http://${host.includes(':') ? 'localhost' : host}:${address.port}`;
    },
    async close() {
      const closed = listener.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
