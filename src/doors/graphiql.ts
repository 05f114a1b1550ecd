import { compressedFile, type SendFile } from './compressed-file.js';
import { GRAPHIQL_TABS } from './graphiql-tabs.js';

export interface GraphiqlPage {
  readonly handle: SendFile;
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
  return {
    handle: compressedFile({
      contentType: 'text/html; charset=utf-8',
      load: () => render(title),
      headers: { vary: 'Accept, Accept-Encoding', 'content-security-policy': CONTENT_SECURITY_POLICY },
    }),
  };
}

async function render(title: string): Promise<string> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return renderGraphiQL({
    title,
    endpoint: '/graphql',
    subscriptionsProtocol: 'SSE',
    // A stream by GET would put a long message into the address.
    method: 'POST',
    defaultTabs: [...GRAPHIQL_TABS],
  });
}
