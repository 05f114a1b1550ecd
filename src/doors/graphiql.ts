import { compressedFile, type SendFile } from './compressed-file.js';
import { GRAPHIQL_LOGIN } from './graphiql-login.js';
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
  const page = renderGraphiQL({
    title,
    endpoint: '/graphql',
    subscriptionsProtocol: 'SSE',
    // By GET, a long message would have to fit into the URL.
    method: 'POST',
    defaultTabs: [...GRAPHIQL_TABS],
  });
  return withLogin(page);
}

/** Adds {@link GRAPHIQL_LOGIN} before GraphiQL's own script, which keeps the `fetch` that it finds. */
function withLogin(page: string): string {
  const { style, bar, script } = GRAPHIQL_LOGIN;
  const viewport = '<meta name="viewport" content="width=device-width, initial-scale=1" />';
  const root = '<div id="root"></div>';
  const styled = replaceFirst(page, '</head>', `${viewport}<style>${style}</style></head>`);
  return replaceFirst(styled, root, `${bar}${root}<script>${script}</script>`);
}

function replaceFirst(page: string, mark: string, text: string): string {
  if (!page.includes(mark)) throw new Error(`GraphiQL's page has no ${mark}`);
  return page.replace(mark, () => text);
}
