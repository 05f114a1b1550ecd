import {
  BREAK,
  Kind,
  visit,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { RequestContext } from './context.js';
import { usesArgumentsAtOpening } from './subscription.js';

type MaybePromise<Value> = Value | Promise<Value>;

/**
 * Results of a subscription's operation, shared by all who are told of the same event. A result is shared only if it
 * depends on nothing but the event: when the execution ended at once, without an error and without a look at the context (so it
 * knew neither the caller nor a cache), and the document uses no variable but in arguments that are used once, when the
 * subscription opens.
 */
export class SharedResults {
  /** The results of this turn of the event loop: whoever follows what happens is told in it, and events may be kept for long. */
  private results = new WeakMap<object, ExecutionResult>();
  private isForgetting = false;
  private readonly mayShare: boolean;

  constructor(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) {
    this.mayShare = !usesVariables(schema, document, operation);
  }

  /** The result that was made of an event in this turn, where all may share it. */
  known(event: unknown): ExecutionResult | undefined {
    return this.results.get(event as object);
  }

  /** Makes the result of an event that is not {@link known}. */
  of(
    event: unknown,
    context: () => RequestContext,
    execute: (context: RequestContext) => MaybePromise<ExecutionResult>,
  ): MaybePromise<ExecutionResult> {
    if (!this.mayShare || typeof event !== 'object' || event === null) return execute(context());
    const seen = { context: false };
    const result = execute(watched(context, seen));
    if (result instanceof Promise || seen.context || result.errors !== undefined) return result;
    this.results.set(event, result);
    this.forgetSoon();
    return result;
  }

  private forgetSoon(): void {
    if (this.isForgetting) return;
    this.isForgetting = true;
    setImmediate(() => {
      this.isForgetting = false;
      this.results = new WeakMap();
    });
  }
}

/** A context that is made, and noted as used, when something in it is looked at. */
function watched(make: () => RequestContext, seen: { context: boolean }): RequestContext {
  let made: RequestContext | undefined;
  const context = () => {
    seen.context = true;
    return (made ??= make());
  };
  return new Proxy({} as RequestContext, {
    get: (_target, property) => Reflect.get(context(), property) as unknown,
    has: (_target, property) => Reflect.has(context(), property),
    set: (_target, property, value) => Reflect.set(context(), property, value),
    ownKeys: () => Reflect.ownKeys(context()),
    getOwnPropertyDescriptor: (_target, property) => {
      const descriptor = Reflect.getOwnPropertyDescriptor(context(), property);
      // A proxy must not say of a property that its target lacks that it cannot be changed.
      return descriptor && { ...descriptor, configurable: true };
    },
  });
}

/** Whether results may differ by the variables. */
function usesVariables(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): boolean {
  const fields = schema.getSubscriptionType()?.getFields() ?? {};
  const opening = new Set(
    operation.selectionSet.selections.flatMap((field) =>
      field.kind === Kind.FIELD && usesArgumentsAtOpening(fields[field.name.value]) ? (field.arguments ?? []) : [],
    ),
  );
  let uses = false;
  visit(document, {
    VariableDefinition: () => false,
    Argument: (node) => (opening.has(node) ? false : undefined),
    Variable() {
      uses = true;
      return BREAK;
    },
  });
  return uses;
}
