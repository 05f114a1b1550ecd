import type { ExecutionResult } from 'graphql';
import { errorAnswer, faultsError, sendEnvelope } from './envelope.js';
import {
  admitRequest,
  sendThrown,
  type Admitted,
  type Endpoint,
  type Exchange,
  type ExchangeOptions,
} from './exchange.js';

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

function sendResult(endpoint: Endpoint, { response }: Exchange, { input }: Admitted, result: ExecutionResult): void {
  const { route, plan } = endpoint.operation;
  const [error] = result.errors ?? [];
  if (error === undefined) {
    sendEnvelope(response, { status: 200, message: 'Success', data: result.data?.[route.operationId] });
    return;
  }
  const errors = route.errors ?? [];
  // Refused before anything ran: the pipeline names the first fault of the text, the contract wants all that is wrong.
  const faults = result.data === undefined ? endpoint.reader.allFaults(input) : [];
  const answer =
    faults.length > 0
      ? errorAnswer(faultsError(faults), errors, (field) => field)
      : errorAnswer(error, errors, plan.toWireField);
  sendEnvelope(response, answer);
}
