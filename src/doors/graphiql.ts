import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import { GRAPHIQL_TABS } from './graphiql-tabs.js';

export interface GraphiqlPage {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

interface Page {
  readonly gzipped: Buffer;
  readonly entityTag: string;
}

/**
 * The page has its program inside it (the editor's workers as blobs, the schema's parsers as evaluated code) and talks to
 * this host alone.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval' blob:",
  'worker-src blob:',
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * GraphiQL as one offline page of some 9 MB, 2.4 MB on the wire. It is read, rendered and compressed at its first request,
 * not at the start: that takes about half a second. Subscriptions run over server-sent events, with the headers of the
 * headers editor.
 */
export function createGraphiqlPage(title: string): GraphiqlPage {
  let rendering: Promise<Page> | undefined;
  return {
    async handle(request, response) {
      rendering ??= render(title);
      const { gzipped, entityTag } = await rendering;
      response.setHeader('vary', 'Accept, Accept-Encoding');
      response.setHeader('etag', entityTag);
      response.setHeader('cache-control', 'no-cache');
      response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
      if (request.headers['if-none-match'] === entityTag) {
        response.writeHead(304).end();
        return;
      }
      response.setHeader('content-type', 'text/html; charset=utf-8');
      if (/\bgzip\b/.test(String(request.headers['accept-encoding']))) {
        response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': gzipped.length }).end(gzipped);
        return;
      }
      response.writeHead(200);
      await pipeline(Readable.from([gzipped]), createGunzip(), response);
    },
  };
}

async function render(title: string): Promise<Page> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title,
    endpoint: '/graphql',
    subscriptionsProtocol: 'SSE',
    // A stream by GET would put a long message into the address.
    method: 'POST',
    defaultTabs: [...GRAPHIQL_TABS],
  });
  const gzipped = await promisify(gzip)(html);
  return { gzipped, entityTag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"` };
}
