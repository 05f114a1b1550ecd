import type { ServerResponse } from 'node:http';
import type { MapError, Pipeline, PipelineCall, Prepared } from '../../graphql/pipeline.js';
import { requireTokenAccess } from '../../graphql/token-access.js';
import type { AnyRestRoute, RestRoute } from '../../rest/route.js';
import type { Credentials } from '../../kernel/caller.js';
import type { Fault } from '../../kernel/errors.js';
import { callerOf, type MakeContext } from '../caller.js';
import { ClientLeft } from '../body.js';
import { bodyLimitOf } from '../body-limit.js';
import { sendEnvelope } from '../envelope.js';
import { errorAnswer, faultsError, incompleteAnswer, unreadableAnswer } from './envelope.js';
import { isJsonObject } from './decode.js';
import type { InputPlan } from './input-plan.js';
import { inputReader, prefersStrict, type InputReader, type ReadInput, type WireRequest } from './read-input.js';
import { readJsonBody, Unreadable } from './request-body.js';
import { readFilePart } from './file-part.js';
import type { RestOperation } from './rest-view.js';
import { BASE_PATH, type RouteDocument } from './sofa-operations.js';

/** The dependencies and limits of the REST door. */
export interface ExchangeOptions {
  readonly makeContext: MakeContext;
  readonly mapError: MapError;
  /** Maximum bytes of a JSON body of a client with valid credentials; others may send less. */
  readonly bodyLimit: number;
  /** Maximum bytes of a multipart body, its file included. */
  readonly uploadLimit: number;
  /** The address of the service as clients know it, for links; without a slash at its end. By default links have none. */
  readonly serviceUrl?: () => string;
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

/** Validates the document with the first request: all of them at once would be a tenth of the time that a start takes. */
export function makeEndpoint<Route extends AnyRestRoute>(
  operation: RestOperation<Route>,
  document: RouteDocument,
  pipeline: Pipeline,
): Endpoint<Route> {
  let made: ReturnType<typeof prepareEndpoint> | undefined;
  const prepared = () => (made ??= prepareEndpoint(operation, document, pipeline));
  return {
    operation,
    pipeline,
    operationName: document.operationName,
    get reader() {
      return prepared().reader;
    },
    get prepared() {
      return prepared().prepared;
    },
  };
}

/** @throws Error when the pipeline refuses the document: a programming mistake */
function prepareEndpoint(
  operation: RestOperation<AnyRestRoute>,
  { document }: RouteDocument,
  pipeline: Pipeline,
): Pick<Endpoint<AnyRestRoute>, 'reader' | 'prepared'> {
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
  return { reader, prepared };
}

/** A request that has been read and may run. */
export interface Admitted {
  readonly call: PipelineCall;
  readonly input: ReadInput;
  /** Drops the unread rest of the body, once the request has been answered. */
  readonly finish: () => void;
}

/**
 * Checks the credentials, and the scopes of a personal access token, before the input, so that an anonymous client learns nothing about what a request should contain.
 * @throws errors of the credentials; Unreadable; {@link Incomplete}; {@link BadInput}
 */
export async function admitRequest(
  { operation, reader, operationName }: Pick<Endpoint<AnyRestRoute>, 'operation' | 'reader' | 'operationName'>,
  { wire, response, requestId, faults }: Exchange,
  options: ExchangeOptions,
): Promise<Admitted> {
  const caller = callerOf(wire.request, response, requestId, 'rest');
  const ticket = ticketIn(wire, operation.route);
  const context = options.makeContext(
    ticket === undefined ? caller : { ...caller, credentials: { ...caller.credentials, ticket } },
  );
  context.noteOperation?.(operation.route.operationId, `${BASE_PATH}${operation.route.path}`);
  if (operation.access !== 'anyone') requireTokenAccess(await context.viewer(), operation.token);
  const { plan } = operation;
  if ((plan.hasBody || plan.file !== undefined) && prefersStrict(wire.request)) {
    response.setHeader('preference-applied', 'handling=strict');
  }
  const bodyLimit = await bodyLimitOf(wire.request, options.bodyLimit, () => context.viewer());
  const body = plan.hasBody ? await readJsonBody(wire.request, bodyLimit) : undefined;
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

function ticketIn({ query, pathParameters }: WireRequest, route: AnyRestRoute): Credentials['ticket'] {
  if (!('ticket' in route) || query === '') return undefined;
  const { parameter, of } = route.ticket;
  const texts = new URLSearchParams(query).getAll(parameter);
  return texts.length === 0 ? undefined : { text: texts.join(), messageId: pathParameters[of] ?? '' };
}

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
