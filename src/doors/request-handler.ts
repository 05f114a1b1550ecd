import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../kernel/log.js';
import { sendEnvelope } from './envelope.js';
import { describeError } from './error-map.js';

/** Answers one request. An error that it throws is logged and answered with 500. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
) => Promise<void> | void;

/** Has the handler answer a request. Never rejects. */
export async function handle(
  handler: RequestHandler,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  log: Pick<Log, 'error'>,
): Promise<void> {
  try {
    await handler(request, response, requestId);
  } catch (error) {
    log.error({ requestId, error: describeError(error) }, 'A request could not be served');
    if (response.headersSent) response.destroy();
    else sendEnvelope(response, { status: 500, message: 'Internal server error' });
  }
}
