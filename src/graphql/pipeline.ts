import {
  GraphQLError,
  Kind,
  createSourceEventStream,
  getOperationAST,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import { createExecutor, type Executor } from './compiled.js';
import type { RequestContext } from './context.js';
import { resultStream, type ResultStream } from './event-stream.js';
import { DEFAULT_LIMITS, checkShape, costOf, refuseCost, type Cost, type Limits } from './limits.js';
import { Refusal } from './refusal.js';
import { checkLiterals, checkVariables } from './text-check.js';
import { refuseVariables } from './variables.js';

type MaybePromise<Value> = Value | Promise<Value>;

/** Turns any error of a resolver into the error for the client; logs the errors that it masks. */
export type MapError = (error: unknown, requestId: string) => GraphQLError;

/** A document that was parsed, validated and limited, and can be executed any number of times. */
export interface Prepared {
  /** Null when the text is not valid GraphQL syntax. */
  readonly document: DocumentNode | null;
  /** The reasons why the document must not run; empty when it may. */
  readonly errors: readonly GraphQLError[];
  /** The operation of that name; without a name, the only one. */
  operation(name: string | null | undefined): PreparedOperation | Refusal;
}

export interface PreparedOperation {
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly node: OperationDefinitionNode;
  readonly execute: Executor;
  readonly cost: Cost;
}

export interface PipelineCall {
  readonly context: RequestContext;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
}

/**
 * The one way in which operations run, on every door. Errors in results are already mapped. A refused request has `errors`
 * (each a {@link Refusal}) and no `data`. No method rejects or throws.
 */
export interface Pipeline {
  readonly schema: GraphQLSchema;
  /** Parses, validates and limits a client's document. Recent documents are cached by their text. */
  prepare(text: string): Prepared;
  /** Prepares a document of our own: validated, but not limited. It is not cached, so the caller must keep the result. */
  prepareOwn(document: DocumentNode): Prepared;
  /** Runs a query or mutation. */
  execute(prepared: Prepared, call: PipelineCall): MaybePromise<ExecutionResult>;
  /**
   * Starts a subscription. A single result is a refusal, or an error at the start. The stream's last result has `errors` when
   * the source failed, for example because the session ended.
   */
  subscribe(prepared: Prepared, call: PipelineCall): Promise<ResultStream | ExecutionResult>;
}

export interface PipelineOptions {
  readonly mapError: MapError;
  readonly limits?: Limits;
  /** The context for a subscription's next event, so that its cache lasts for one event, not for the whole subscription. */
  readonly renewContext?: (context: RequestContext) => RequestContext;
}

/** Maximum cached documents. */
const MAX_DOCUMENTS = 1_000;
/** Maximum characters of all cached documents; their syntax trees take about twenty times as much memory. */
const MAX_DOCUMENT_CHARACTERS = 2_000_000;
/** A longer document is not cached, since a few of them would evict all others. */
const MAX_REMEMBERED_LENGTH = 50_000;

const NO_VARIABLES: Readonly<Record<string, unknown>> = {};

export function createPipeline(schema: GraphQLSchema, options: PipelineOptions): Pipeline {
  const { mapError, limits = DEFAULT_LIMITS, renewContext = (context) => context } = options;
  const remembered = new LRUCache<string, Prepared>({
    max: MAX_DOCUMENTS,
    maxSize: MAX_DOCUMENT_CHARACTERS,
    maxEntrySize: MAX_REMEMBERED_LENGTH,
    sizeCalculation: (_prepared, text) => text.length + 1,
  });

  const masked = (result: ExecutionResult, call: PipelineCall): ExecutionResult =>
    result.errors === undefined
      ? result
      : { ...result, errors: result.errors.map((error) => mapError(error, call.context.requestId)) };
  const failure = (error: unknown, call: PipelineCall): ExecutionResult => ({
    data: null,
    errors: [mapError(error, call.context.requestId)],
  });

  /** The operation, or a result with the refusal of the request. */
  const admit = (prepared: Prepared, call: PipelineCall): PreparedOperation | ExecutionResult => {
    if (prepared.errors.length > 0) return { errors: prepared.errors };
    const operation = prepared.operation(call.operationName);
    if (operation instanceof Refusal) return { errors: [operation] };
    const variables = call.variables ?? NO_VARIABLES;
    const refusal = checkVariables(variables) ?? refuseCost(operation.cost(variables), limits, operation.node);
    return refusal === undefined ? operation : { errors: [refusal] };
  };

  /** A result without data means that the variables were invalid: the refusal names all of their faults. */
  const settle = (operation: PreparedOperation, result: ExecutionResult, call: PipelineCall): ExecutionResult => {
    if (result.data === undefined) {
      const refusal = refuseVariables(schema, operation.node, call.variables ?? NO_VARIABLES);
      if (refusal !== undefined) return { errors: [refusal] };
    }
    return masked(result, call);
  };

  const run = (
    operation: PreparedOperation,
    call: PipelineCall,
    rootValue?: unknown,
  ): MaybePromise<ExecutionResult> => {
    try {
      const result = operation.execute({
        rootValue,
        contextValue: call.context,
        variables: call.variables ?? NO_VARIABLES,
      });
      if (!(result instanceof Promise)) return settle(operation, result, call);
      return result.then(
        (settled) => settle(operation, settled, call),
        (error: unknown) => failure(error, call),
      );
    } catch (error) {
      return failure(error, call);
    }
  };

  return {
    schema,
    prepare(text) {
      const known = remembered.get(text);
      if (known !== undefined) return known;
      const prepared = prepareText(schema, text, limits);
      remembered.set(text, prepared);
      return prepared;
    },
    prepareOwn: (document) => prepareDocument(schema, document),
    execute(prepared, call) {
      const operation = admit(prepared, call);
      if (!('execute' in operation)) return operation;
      if (operation.kind === 'subscription') {
        const message = 'A subscription needs a stream: server-sent events or a WebSocket';
        return { errors: [new Refusal(message, 'BAD_REQUEST')] };
      }
      return run(operation, call);
    },
    async subscribe(prepared, call) {
      const operation = admit(prepared, call);
      if (!('execute' in operation)) return operation;
      const { document } = prepared;
      if (operation.kind !== 'subscription' || document === null) {
        return { errors: [new Refusal(`A ${operation.kind} is executed, not subscribed to`, 'BAD_REQUEST')] };
      }
      try {
        const source = await createSourceEventStream({
          schema,
          document,
          operationName: call.operationName,
          variableValues: call.variables,
          contextValue: call.context,
        });
        if (!(Symbol.asyncIterator in source)) return settle(operation, source, call);
        return resultStream(source, {
          resultOf: (event) => run(operation, { ...call, context: renewContext(call.context) }, event),
          failureOf: (error) => failure(error, call),
        });
      } catch (error) {
        return failure(error, call);
      }
    },
  };
}

function prepareText(schema: GraphQLSchema, text: string, limits: Limits): Prepared {
  let document: DocumentNode;
  try {
    document = parse(text, { maxTokens: limits.tokens });
  } catch (error) {
    return refused(null, [parseRefusal(error, limits)]);
  }
  const refusal = checkShape(document, limits) ?? checkLiterals(document);
  return refusal === undefined ? prepareDocument(schema, document) : refused(document, [refusal]);
}

function parseRefusal(error: unknown, limits: Limits): Refusal {
  if (!(error instanceof GraphQLError)) throw error;
  // The parser's error has no code, only this message.
  if (/more tha[tn] \d+ tokens/.test(error.message)) {
    return new Refusal(`The document has more than ${limits.tokens} tokens`, 'QUERY_TOO_COMPLEX');
  }
  return new Refusal(error.message, 'GRAPHQL_PARSE_FAILED', { source: error.source, positions: error.positions });
}

function prepareDocument(schema: GraphQLSchema, document: DocumentNode): Prepared {
  const faults = validate(schema, document, specifiedRules);
  if (faults.length > 0) {
    return refused(
      document,
      faults.map(({ message, nodes }) => new Refusal(message, 'GRAPHQL_VALIDATION_FAILED', { nodes })),
    );
  }
  const operations = new Map<string, PreparedOperation>();
  const prepareOperation = (node: OperationDefinitionNode): PreparedOperation => ({
    kind: node.operation,
    node,
    execute: createExecutor(schema, document, node.name?.value),
    cost: costOf(schema, document, node),
  });
  return {
    document,
    errors: [],
    operation(name) {
      const node = getOperationAST(document, name);
      if (node == null) return operationRefusal(document, name);
      const key = node.name?.value ?? '';
      const operation = operations.get(key) ?? prepareOperation(node);
      operations.set(key, operation);
      return operation;
    },
  };
}

function operationRefusal(document: DocumentNode, name: string | null | undefined): Refusal {
  const hasNone = !document.definitions.some((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const message = hasNone
    ? 'The document has no operation'
    : name == null
      ? 'The document has several operations: say which one with operationName'
      : `The document has no operation named "${name}"`;
  return new Refusal(message, 'OPERATION_RESOLUTION_FAILURE');
}

function refused(document: DocumentNode | null, errors: readonly Refusal[]): Prepared {
  const [first] = errors;
  return {
    document,
    errors,
    operation: () => first ?? new Refusal('The document was refused', 'BAD_REQUEST'),
  };
}
