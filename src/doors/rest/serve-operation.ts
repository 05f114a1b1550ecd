import type { IncomingMessage } from 'node:http';
import type { ExecutionResult } from 'graphql';
import type { RestNavigation } from '../../rest/answers.js';
import { preferredType } from '../headers/accept.js';
import { hasCurrent } from '../headers/validators.js';
import { entityTag, listHeaders } from './answer-headers.js';
import { cookieHeader } from './cookies.js';
import { sendEnvelope, type Answer } from '../envelope.js';
import { errorAnswer, faultsError } from './envelope.js';
import {
  admitRequest,
  sendThrown,
  type Admitted,
  type Endpoint,
  type Exchange,
  type ExchangeOptions,
} from './exchange.js';
import { sendPages } from './serve-pages.js';
import type { NavigationResult } from './view-types.js';

/** Answers a request with the result of its route's document, in the envelope. Never rejects. */
export async function serveOperation(endpoint: Endpoint, exchange: Exchange, options: ExchangeOptions): Promise<void> {
  try {
    const admitted = await admitRequest(endpoint, exchange, options);
    try {
      const { pages } = endpoint.operation.route;
      const result = pages
        ? await sendPages(endpoint, pages, exchange, admitted)
        : await endpoint.pipeline.execute(endpoint.prepared, { ...admitted.call, takesText: true });
      if (result && !exchange.response.destroyed) await sendResult(endpoint, exchange, admitted, result, options);
    } finally {
      admitted.finish();
    }
  } catch (error) {
    sendThrown(error, endpoint.operation, exchange, options);
  }
}

async function sendResult(
  endpoint: Endpoint,
  exchange: Exchange,
  { call, input }: Admitted,
  result: ExecutionResult,
  { serviceUrl = () => '' }: ExchangeOptions,
): Promise<void> {
  const { response, wire } = exchange;
  const { route, plan } = endpoint.operation;
  const [error] = result.errors ?? [];
  if (error === undefined) {
    const data = result.data?.[route.operationId];
    if (route.navigation !== undefined) {
      sendEnvelope(response, navigationAnswer(route.navigation, data as NavigationResult, exchange));
      return;
    }
    const etag = entityTag(route, call.context);
    if (etag !== undefined && route.method === 'GET' && hasCurrent(wire.request, etag)) {
      response.writeHead(304, { etag, 'cache-control': 'no-store' }).end();
      return;
    }
    const list =
      route.method === 'GET' ? await listHeaders(data, call.context, input.variables, wire, serviceUrl()) : {};
    const headers = etag === undefined ? list : { etag, ...list };
    sendEnvelope(response, { status: 200, message: 'Success', data, headers });
    return;
  }
  const errors = route.errors ?? [];
  // Refused before anything ran: the pipeline reports only the first fault of the texts, the REST contract wants all of them.
  const faults = result.data === undefined ? endpoint.reader.allFaults(input) : [];
  const answer =
    faults.length > 0
      ? errorAnswer(faultsError(faults), errors, (field) => field)
      : errorAnswer(error, errors, plan.toWireField);
  sendEnvelope(response, answer);
}

function navigationAnswer(
  { jsonStays, cookie }: RestNavigation,
  { data, location, cookie: value }: NavigationResult,
  { wire }: Exchange,
): Answer {
  const setCookie =
    cookie === undefined || value === undefined ? {} : { 'set-cookie': cookieHeader(cookie, value, wire.isSecure) };
  const leadsOn = location !== null && !(jsonStays && prefersJson(wire.request));
  return leadsOn
    ? { status: 302, message: 'Found', data: null, headers: { location, ...LEADS_ON, ...setCookie } }
    : { status: 200, message: 'Success', data, headers: setCookie };
}

/** A front end may have opened the login in a window of its own, which any other policy would part from it. */
const LEADS_ON = { 'cross-origin-opener-policy': 'unsafe-none' };

/** Browsers prefer HTML when they navigate. A client without a preference gets the redirect, which it follows by itself. */
function prefersJson(request: IncomingMessage): boolean {
  return preferredType(request, ['text/html', 'application/json']) === 'application/json';
}
