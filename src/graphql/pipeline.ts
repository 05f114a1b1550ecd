import {
  GraphQLError,
  Kind,
  createSourceEventStream,
  getIntrospectionQuery,
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
import { createExecutor } from './compiled.js';
import type { RequestContext } from './context.js';
import { resultStream, type ResultStream } from './event-stream.js';
import type { Executor } from './executor.js';
import { SchemaAnswers, refuseSchemaCost, schemaCostOf, schemaLimitOf } from './introspection.js';
import { asksForSchema } from './interpreted.js';
import { DEFAULT_LIMITS, checkShape, costOf, refuseCost, type Cost, type Limits } from './limits.js';
import { Refusal } from './refusal.js';
import { SharedResults } from './shared-results.js';
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
  /** Fields about the schema itself, which {@link cost} leaves out. */
  readonly schemaCost: Cost;
  /** What those who are told of the same event have in common. */
  readonly shared: SharedResults;
}

export interface PipelineCall {
  readonly context: RequestContext;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
  /** Whether lists in the answer may be text already, for a caller who writes it by `jsonText`. */
  readonly takesText?: boolean;
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
  /** Describes the schema once, which takes a new process ten times as long as it does then: the first to ask pays no more. */
  warmUp(): void;
}

export interface PipelineOptions {
  readonly mapError: MapError;
  readonly limits?: Limits;
  /** Whether clients may ask for the schema, and are told names that are like a wrong one. True by default. */
  readonly introspection?: boolean;
  /** The context for a subscription's next event, so that its cache lasts for one event, not for the whole subscription. */
  readonly renewContext?: (context: RequestContext) => RequestContext;
}

/** Maximum cached documents. */
const MAX_DOCUMENTS = 1_000;
/** Maximum characters of all cached documents; their syntax trees take about twenty times as much memory. */
const MAX_DOCUMENT_CHARACTERS = 2_000_000;
/** A longer document is not cached, since a few of them would evict all others. */
const MAX_REMEMBERED_LENGTH = 50_000;

/** Validation stops here: a document of mistakes only needs no message for each. */
const MAX_VALIDATION_ERRORS = 20;
/** Maximum variables of a request, used or not. */
const MAX_VARIABLES = 200;

const noCost: Cost = () => 0;
const NO_VARIABLES: Readonly<Record<string, unknown>> = {};

export function createPipeline(schema: GraphQLSchema, options: PipelineOptions): Pipeline {
  const { mapError, limits = DEFAULT_LIMITS, introspection = true, renewContext = (context) => context } = options;
  let schemaLimit: number | undefined;
  const preparation: Preparation = {
    schema,
    introspection,
    answers: new SchemaAnswers(),
    schemaLimit: () => (schemaLimit ??= schemaLimitOf(schema)),
  };
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
    const name = operation.node.name?.value;
    if (name !== undefined) call.context.noteOperation?.(name);
    const variables = call.variables ?? NO_VARIABLES;
    const refusal =
      checkNumber(variables) ??
      checkVariables(variables) ??
      refuseCost(operation.cost(variables), limits, operation.node) ??
      refuseSchemaCost(operation.schemaCost(variables), preparation.schemaLimit, operation.node);
    return refusal === undefined ? operation : { errors: [refusal] };
  };

  /** A result without data means that the variables were invalid: the refusal names all of their faults. */
  const settle = (operation: PreparedOperation, result: ExecutionResult, call: PipelineCall): ExecutionResult => {
    if (result.data === undefined) {
      const refusal = refuseVariables(schema, operation.node, call.variables ?? NO_VARIABLES, introspection);
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
        takesText: call.takesText,
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
      const prepared = prepareText(text, limits, preparation);
      remembered.set(text, prepared);
      return prepared;
    },
    prepareOwn: (document) => prepareDocument(document, preparation),
    warmUp() {
      if (!introspection) return;
      const operation = prepareText(getIntrospectionQuery(), limits, preparation).operation(undefined);
      if (operation instanceof Refusal) return;
      refuseSchemaCost(operation.schemaCost(NO_VARIABLES), preparation.schemaLimit, operation.node);
      void operation.execute({ rootValue: undefined, contextValue: undefined, variables: NO_VARIABLES });
    },
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
          shared: operation.shared,
          resultOf: (event) =>
            operation.shared.of(
              event,
              () => renewContext(call.context),
              (context) => run(operation, { ...call, context }, event),
            ),
          failureOf: (error) => failure(error, call),
        });
      } catch (error) {
        return failure(error, call);
      }
    },
  };
}

/** What the documents of a pipeline are prepared with. */
interface Preparation {
  readonly schema: GraphQLSchema;
  readonly introspection: boolean;
  readonly answers: SchemaAnswers;
  /** The most fields about the schema in an answer. It is counted when it is first needed. */
  readonly schemaLimit: () => number;
}

/** The parser and the rules recurse: a document that is nested deeper than the stack reaches is refused like any that is too large. */
function prepareText(text: string, limits: Limits, preparation: Preparation): Prepared {
  try {
    return prepareWithinStack(text, limits, preparation);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refused(null, [new Refusal('The document is nested too deeply', 'QUERY_TOO_COMPLEX')]);
  }
}

function prepareWithinStack(text: string, limits: Limits, preparation: Preparation): Prepared {
  let document: DocumentNode;
  try {
    document = parse(text, { maxTokens: limits.tokens });
  } catch (error) {
    return refused(null, [parseRefusal(error, limits)]);
  }
  const refusal = checkShape(document, limits) ?? checkLiterals(document);
  if (refusal !== undefined) return refused(document, [refusal]);
  if (!preparation.introspection && asksForSchema(document)) {
    return refused(document, [new Refusal('Introspection is off on this server', 'GRAPHQL_VALIDATION_FAILED')]);
  }
  return prepareDocument(document, preparation);
}

/** Refuses variables by their number alone, before any is looked at. */
function checkNumber(variables: Readonly<Record<string, unknown>>): Refusal | undefined {
  const number = Object.keys(variables).length;
  return number > MAX_VARIABLES
    ? new Refusal(`The request has ${number} variables; the limit is ${MAX_VARIABLES}`, 'BAD_USER_INPUT')
    : undefined;
}

function parseRefusal(error: unknown, limits: Limits): Refusal {
  if (!(error instanceof GraphQLError)) throw error;
  // The parser's error has no code, only this message.
  if (/more tha[tn] \d+ tokens/.test(error.message)) {
    return new Refusal(`The document has more than ${limits.tokens} tokens`, 'QUERY_TOO_COMPLEX');
  }
  return new Refusal(error.message, 'GRAPHQL_PARSE_FAILED', { source: error.source, positions: error.positions });
}

function prepareDocument(document: DocumentNode, preparation: Preparation): Prepared {
  const { schema, introspection, answers, schemaLimit } = preparation;
  const faults = validate(schema, document, specifiedRules, {
    maxErrors: MAX_VALIDATION_ERRORS,
    hideSuggestions: !introspection,
  });
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
    execute: answers.keep(document, node, createExecutor(schema, document, node)),
    cost: costOf(schema, document, node),
    schemaCost: asksForSchema(document) ? schemaCostOf(schema, document, node, schemaLimit()) : noCost,
    shared: new SharedResults(schema, document, node),
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
