import type { IncomingMessage, ServerResponse } from 'node:http';
import { compressedFile, type SendFile } from '../compressed-file.js';
import { sendEnvelope } from '../envelope.js';
import { preferredType } from '../headers/accept.js';

export interface WelcomeOptions {
  readonly title: string;
  /** What is here, in reading order. */
  readonly links: readonly WelcomeLink[];
}

interface WelcomeLink {
  readonly path: string;
  readonly label: string;
  readonly description: string;
}

const WELCOME = { status: 200, message: 'Success', data: { message: 'Welcome to Flynkle API' } };
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The root: the envelope for programs, and a page with links for browsers, which prefer HTML. */
export function welcomePage(options: WelcomeOptions): SendFile {
  const page = compressedFile({
    contentType: 'text/html; charset=utf-8',
    load: () => Promise.resolve(pageOf(options)),
    headers: { vary: 'Accept, Accept-Encoding', 'content-security-policy': CONTENT_SECURITY_POLICY },
  });
  return async (request: IncomingMessage, response: ServerResponse) => {
    if (preferredType(request, ['application/json', 'text/html']) === 'text/html') return page(request, response);
    sendEnvelope(response, { ...WELCOME, headers: { vary: 'Accept' } });
  };
}

function pageOf({ title, links }: WelcomeOptions): string {
  const items = links.map(
    ({ path, label, description }) => `      <li><a href="${path}">${label}</a><span>${description}</span></li>`,
  );
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <link rel="icon" href="data:," />
    <style>
      :root { color-scheme: light dark; }
      body { max-width: 40rem; margin: 10vh auto; padding: 0 1.25rem; font: 17px/1.5 system-ui, sans-serif; }
      ul { padding: 0; list-style: none; }
      li { margin: 1rem 0; }
      a { font-weight: 600; }
      span { display: block; }
    </style>
  </head>
  <body>
    <h1>${title}</h1>
    <p>A chat service: conversations with a language model, whose answers stream. It works.</p>
    <ul>
${items.join('\n')}
    </ul>
  </body>
</html>
`;
}
