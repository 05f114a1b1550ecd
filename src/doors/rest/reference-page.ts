import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { compressedFile } from '../compressed-file.js';
import type { StaticAnswer } from './rest-router.js';

export interface ReferencePageOptions {
  readonly title: string;
  /** The path that serves the OpenAPI document. */
  readonly documentPath: string;
}

const require = createRequire(import.meta.url);
const PAGE_PATH = '/docs';

/** The page loads everything from this host, and connects to no other. Swagger UI uses inline styles. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Swagger UI at `/docs`, some 500 kB compressed: the operations, each with a form to try it. A login there lasts until the page
 * is reloaded.
 */
export function referencePage({ title, documentPath }: ReferencePageOptions): readonly StaticAnswer[] {
  return [
    {
      path: PAGE_PATH,
      send: compressedFile({
        contentType: 'text/html; charset=utf-8',
        load: () => Promise.resolve(pageOf(title)),
        headers: { 'content-security-policy': CONTENT_SECURITY_POLICY },
      }),
    },
    asset('start.js', 'text/javascript', () => Promise.resolve(startScript(documentPath))),
    asset('swagger-ui-bundle.js', 'text/javascript', () =>
      readFile(require.resolve('swagger-ui-dist/swagger-ui-bundle.js')),
    ),
    asset('swagger-ui.css', 'text/css', () => readFile(require.resolve('swagger-ui-dist/swagger-ui.css'))),
  ];
}

function asset(name: string, mediaType: string, load: () => Promise<string | Buffer>): StaticAnswer {
  return { path: `${PAGE_PATH}/${name}`, send: compressedFile({ contentType: `${mediaType}; charset=utf-8`, load }) };
}

function pageOf(title: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="${PAGE_PATH}/swagger-ui.css" />
    <style>
      body { margin: 0; }
      #guide { margin: 0; padding: 0.75rem 1.25rem; font: 15px/1.5 system-ui, sans-serif; color: #1f2933; background: #e8eef6; }
    </style>
  </head>
  <body>
    <p id="guide">
      Open an operation and press <b>Execute</b>. <b>POST /users</b> makes the example account, and <b>POST /auth/login</b>
      logs in with it: the token is sent with every later call of this page. GraphQL, with the same operations, is at
      <a href="/graphql">/graphql</a>.
    </p>
    <div id="reference"></div>
    <script src="${PAGE_PATH}/swagger-ui-bundle.js"></script>
    <script src="${PAGE_PATH}/start.js"></script>
  </body>
</html>
`;
}

/** Without `validatorUrl: null`, Swagger UI would send the document's URL to a validator on the internet. */
function startScript(documentPath: string): string {
  return `const page = SwaggerUIBundle({
  url: '${documentPath}',
  dom_id: '#reference',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
  responseInterceptor(response) {
    const token = response.ok && response.obj?.data?.access_token;
    if (token) page.preauthorizeApiKey('bearer', token);
    return response;
  },
});
`;
}
