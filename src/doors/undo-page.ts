import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MapError } from '../graphql/pipeline.js';
import { Conflict, Invalid } from '../kernel/errors.js';
import { isToken } from '../kernel/token.js';
import { BodyTooLarge, ClientLeft, readBody } from './body.js';
import { peerOf } from './caller.js';
import type { Peer } from './client-address.js';
import { sendEnvelope } from './envelope.js';
import { statusOf } from './error-map.js';
import type { RequestHandler } from './request-handler.js';
import { queryOf } from './request-target.js';

/** The path of the page, which the links in mails lead to with `?token=…`. */
export const UNDO_PATH = '/account/undo';
const BODY_LIMIT = 1_024;

export interface UndoPageOptions {
  readonly undo: (token: string, peer: Peer) => Promise<void>;
  readonly mapError: MapError;
}

/**
 * A page that undoes a change of an account. Scanners of mail follow links, so opening it changes nothing, and tells nothing
 * of the token: its button does. It works without scripts.
 */
export function createUndoPage({ undo, mapError }: UndoPageOptions): RequestHandler {
  return async (request, response, requestId) => {
    if (request.method === 'GET' || request.method === 'HEAD') {
      const token = new URLSearchParams(queryOf(request.url)).get('token') ?? '';
      if (isToken(token)) sendPage(response, 200, questionPage(token));
      else sendPage(response, 400, INVALID_PAGE);
      return;
    }
    if (request.method !== 'POST') {
      sendEnvelope(response, { status: 405, message: 'Method not allowed', headers: { allow: 'GET, HEAD, POST' } });
      return;
    }
    try {
      await undo(await tokenIn(request), peerOf(request));
      sendPage(response, 200, DONE_PAGE);
    } catch (error) {
      if (error instanceof ClientLeft) return;
      if (error instanceof Invalid || error instanceof BodyTooLarge) sendPage(response, 400, INVALID_PAGE);
      else if (error instanceof Conflict) sendPage(response, 409, TAKEN_PAGE);
      else {
        const { message, extensions } = mapError(error, requestId);
        sendEnvelope(response, { status: statusOf(extensions['code']), message });
      }
    }
  };
}

async function tokenIn(request: IncomingMessage): Promise<string> {
  const body = await readBody(request, BODY_LIMIT);
  return new URLSearchParams(body.toString('utf8')).get('token') ?? '';
}

const STYLE = `body{margin:0;padding:24px;background:#f4f4f7;color:#1f2333;font:16px/24px -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
main{max-width:480px;margin:0 auto;padding:32px;background:#fff;border-radius:12px}
h1{margin:0 0 16px;font-size:20px;line-height:28px}
button{padding:12px 20px;border:0;border-radius:8px;background:#3f51b5;color:#fff;font:inherit;font-weight:700;cursor:pointer}
button:focus-visible{outline:3px solid #1f2333;outline-offset:2px}`;

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

function sendPage(response: ServerResponse, status: number, page: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(page),
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'cache-control': 'no-store',
    'x-robots-tag': 'noindex',
  });
  response.end(page);
}

function pageOf(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - Flynkle</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`;
}

/** @param token of the form of a token, which needs no escaping */
function questionPage(token: string): string {
  return pageOf(
    'Was it not you?',
    `<p>If you did not change the password or the e-mail address of your Flynkle account, undo it: the account gets the address
back that you read this mail at, everyone is logged out, and what was added since to log in with is removed. Then you get a
code by mail to set a new password with.</p>
<form method="post" action="${UNDO_PATH}">
<input type="hidden" name="token" value="${token}">
<button type="submit">Undo the change</button>
</form>
<p>If it was you, close this page: nothing has happened.</p>`,
  );
}

const DONE_PAGE = pageOf(
  'The change is undone',
  '<p>The account has its address back, and everyone is logged out. A mail with a code is on its way to you: set a new password with it where you log in.</p>',
);
const INVALID_PAGE = pageOf(
  'This link does not work',
  '<p>It was used, it is too old, or an earlier change was undone. If the mail came more than once, use the latest one.</p>',
);
const TAKEN_PAGE = pageOf(
  'The address is taken',
  '<p>Another account has this address by now, so nothing was changed. Ask the administrators for help.</p>',
);
