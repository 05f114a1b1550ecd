import type { IncomingMessage } from 'node:http';
import type { ExecutionResult } from 'graphql';
import type { RestNavigation } from '../../rest/answers.js';
import { preferredType } from '../headers/accept.js';
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
import type { NavigationResult } from './view-types.js';

/** Answers a request with the result of its route's document, in the envelope. Never rejects. */
export async function serveOperation(endpoint: Endpoint, exchange: Exchange, options: ExchangeOptions): Promise<void> {
  try {
    const admitted = await admitRequest(endpoint, exchange, options);
    try {
      const result = await endpoint.pipeline.execute(endpoint.prepared, admitted.call);
      if (!exchange.response.destroyed) sendResult(endpoint, exchange, admitted, result);
    } finally {
      admitted.finish();
    }
  } catch (error) {
    sendThrown(error, endpoint.operation, exchange, options);
  }
}

function sendResult(endpoint: Endpoint, exchange: Exchange, { input }: Admitted, result: ExecutionResult): void {
  const { response } = exchange;
  const { route, plan } = endpoint.operation;
  const [error] = result.errors ?? [];
  if (error === undefined) {
    const data = result.data?.[route.operationId];
    sendEnvelope(
      response,
      route.navigation === undefined
        ? { status: 200, message: 'Success', data }
        : navigationAnswer(route.navigation, data as NavigationResult, exchange),
    );
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
    ? { status: 302, message: 'Found', data: null, headers: { location, ...setCookie } }
    : { status: 200, message: 'Success', data, headers: setCookie };
}

/** Browsers prefer HTML when they navigate. A client without a preference gets the redirect, which it follows by itself. */
function prefersJson(request: IncomingMessage): boolean {
  return preferredType(request, ['text/html', 'application/json']) === 'application/json';
}
