import type { ServerResponse } from 'node:http';
import type { MapError, Pipeline, PipelineCall, Prepared } from '../../graphql/pipeline.js';
import type { AnyRestRoute, RestRoute } from '../../rest/route.js';
import type { Fault } from '../../kernel/errors.js';
import { callerOf, type MakeContext } from '../caller.js';
import { ClientLeft } from '../body.js';
import { sendEnvelope } from '../envelope.js';
import { errorAnswer, faultsError, incompleteAnswer, unreadableAnswer } from './envelope.js';
import { isJsonObject } from './decode.js';
import type { InputPlan } from './input-plan.js';
import { inputReader, type InputReader, type ReadInput, type WireRequest } from './read-input.js';
import { readJsonBody, Unreadable } from './request-body.js';
import { readFilePart } from './file-part.js';
import type { RestOperation } from './rest-view.js';
import type { RouteDocument } from './sofa-operations.js';

/** The dependencies and limits of the REST door. */
export interface ExchangeOptions {
  readonly makeContext: MakeContext;
  readonly mapError: MapError;
  /** Maximum bytes of a JSON body. */
  readonly bodyLimit: number;
  /** Maximum bytes of a multipart body, its file included. */
  readonly uploadLimit: number;
}

/** A request that was routed, and its response. */
export interface Exchange {
  readonly wire: WireRequest;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** Faults of the request that are not about the operation's input. */
  readonly faults: readonly Fault[];
}

/** A route with everything needed to serve it, prepared once. */
export interface Endpoint<Route extends AnyRestRoute = RestRoute> {
  readonly operation: RestOperation<Route>;
  readonly reader: InputReader;
  readonly pipeline: Pipeline;
  readonly prepared: Prepared;
  readonly operationName: string;
}

/** @throws Error when the pipeline refuses the document: a programming mistake, which prevents the start */
export function makeEndpoint<Route extends AnyRestRoute>(
  operation: RestOperation<Route>,
  { document, operationName }: RouteDocument,
  pipeline: Pipeline,
): Endpoint<Route> {
  const prepared = pipeline.prepareOwn(document);
  const [error] = prepared.errors;
  if (error) throw error;
  const { operationId } = operation.route;
  const rootTypes = [
    pipeline.schema.getQueryType(),
    pipeline.schema.getMutationType(),
    pipeline.schema.getSubscriptionType(),
  ];
  const field = rootTypes.map((type) => type?.getFields()[operationId]).find((candidate) => candidate !== undefined);
  const reader = inputReader(operation.plan, operation.rules, (input) => {
    const argument = field?.args.find(({ name }) => name === input.variable);
    return argument?.type ?? input.type;
  });
  return { operation, reader, pipeline, prepared, operationName };
}

/** A request that has been read and may run. */
export interface Admitted {
  readonly call: PipelineCall;
  readonly input: ReadInput;
  /** Drops the unread rest of the body, once the request has been answered. */
  readonly finish: () => void;
}

/**
 * Checks the credentials before the input, so that an anonymous client learns nothing about what a request should contain.
 * @throws errors of the credentials; Unreadable; {@link Incomplete}; {@link BadInput}
 */
export async function admitRequest(
  { operation, reader, operationName }: Pick<Endpoint<AnyRestRoute>, 'operation' | 'reader' | 'operationName'>,
  { wire, response, requestId, faults }: Exchange,
  options: ExchangeOptions,
): Promise<Admitted> {
  const context = options.makeContext(callerOf(wire.request, response, requestId));
  if (operation.access !== 'anyone') await context.viewer();
  const { plan } = operation;
  const body = plan.hasBody ? await readJsonBody(wire.request, options.bodyLimit) : undefined;
  const part = plan.file === undefined ? undefined : await readFilePart(wire.request, plan.file, options);
  if (operation.route.incomplete !== undefined && lacksField(operation.plan, body)) throw new Incomplete();
  const read = reader.read(wire, body);
  const input = {
    variables: { ...read.variables, ...part?.variables },
    faults: [...read.faults, ...faults, ...(part?.faults ?? [])],
  };
  const finish = part?.finish ?? nothing;
  if (input.faults.length > 0) {
    finish();
    throw new BadInput(reader, input);
  }
  return { call: { context, variables: input.variables, operationName }, input, finish };
}

const nothing = () => undefined;

/** The body lacks a required field, on a route with one message for any missing field (its `incomplete`). */
class Incomplete extends Error {}

function lacksField({ inputs }: InputPlan, body: unknown): boolean {
  if (body !== undefined && !isJsonObject(body)) return false;
  return inputs.some((input) => {
    if (input.in !== 'body' || !input.required) return false;
    const value = body?.[input.name] ?? '';
    return typeof value === 'string' && value.trim() === '';
  });
}

/** The input has faults. */
class BadInput extends Error {
  constructor(
    readonly reader: InputReader,
    readonly input: ReadInput,
  ) {
    super('The input has faults');
  }
}

/** Answers with a thrown error: of the credentials or the body, or a defect in the program. */
export function sendThrown(
  error: unknown,
  operation: RestOperation<AnyRestRoute> | undefined,
  { response, requestId }: Pick<Exchange, 'response' | 'requestId'>,
  { mapError }: Pick<ExchangeOptions, 'mapError'>,
): void {
  if (response.headersSent || response.destroyed || error instanceof ClientLeft) {
    response.destroy();
    return;
  }
  if (error instanceof Unreadable) {
    sendEnvelope(response, unreadableAnswer(error));
    return;
  }
  const incomplete = operation?.route.incomplete;
  if (error instanceof Incomplete && incomplete !== undefined) {
    sendEnvelope(response, incompleteAnswer(incomplete));
    return;
  }
  const errors = operation?.route.errors ?? [];
  const answer =
    error instanceof BadInput
      ? errorAnswer(faultsError(error.reader.allFaults(error.input)), errors, (field) => field)
      : errorAnswer(mapError(error, requestId), errors, operation?.plan.toWireField ?? ((field) => field));
  sendEnvelope(response, answer);
}
