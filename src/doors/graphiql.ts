import { compressedFile, type SendFile } from './compressed-file.js';
import { GRAPHIQL_TABS } from './graphiql-tabs.js';

export interface GraphiqlPage {
  readonly handle: SendFile;
}

/**
 * GraphiQL's scripts are inline (the editor's workers as blobs, the schema's parsers as evaluated code), and it connects to
 * this host only.
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
 * GraphiQL as one page that works offline: some 9 MB, 2.4 MB compressed. The first request reads, renders and compresses it,
 * which takes about half a second, to keep the start fast. Subscriptions run over server-sent events, with the
 * headers of the headers editor.
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
    // By GET, a long message would have to fit into the URL.
    method: 'POST',
    defaultTabs: [...GRAPHIQL_TABS],
  });
}
