import {
  GraphQLBoolean,
  GraphQLObjectType,
  GraphQLSchema,
  Kind,
  OperationTypeNode,
  type GraphQLResolveInfo,
} from 'graphql';
import { getGraphQLRateLimiter, Store } from 'graphql-rate-limit';
import { RateLimited } from '../kernel/errors.js';
import type { RateLimitRule, RateLimitStore } from '../ports/rate-limit-store.js';

/** Counts a call. @throws RateLimited when it is one too many, `Unavailable` when that cannot be told at present */
type RateLimiter = (identity: string) => Promise<void>;

/**
 * Limits calls by `graphql-rate-limit`. Services call it, not resolvers, so that every door is limited alike and the check
 * comes where the contract wants it: the library's view of a resolver is made up here.
 *
 * @param message what a refused client reads
 */
export function createRateLimiter(store: RateLimitStore, rule: RateLimitRule, message: string): RateLimiter {
  const info = resolveInfoOf(rule.name);
  const window = `${rule.windowMs}ms`;
  return async (identity) => {
    const call = new CountedCall(store, rule, identity);
    const limit = getGraphQLRateLimiter({ identifyContext: () => identity, store: call });
    const refusal = await limit({ parent: null, args: {}, context: null, info }, { max: rule.limit, window, message });
    if (refusal !== undefined) throw new RateLimited(refusal, call.retryAfterSeconds);
  };
}

/**
 * One call, as a store of the library. The library reads the times of earlier calls, counts them, and writes them back with
 * this one: two calls at once would read the same and both pass. Here the read counts the call atomically and answers as
 * many times as there were calls before it; the write has nothing left to do.
 */
class CountedCall extends Store {
  retryAfterSeconds = 1;

  constructor(
    private readonly store: RateLimitStore,
    private readonly rule: RateLimitRule,
    private readonly identity: string,
  ) {
    super();
  }

  async getForIdentity(): Promise<readonly number[]> {
    const { before, retryAfterMs } = await this.store.take(this.rule, this.identity);
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
    // The library drops times that its own clock finds too old. These never are.
    return new Array<number>(before).fill(Number.POSITIVE_INFINITY);
  }

  setForIdentity(): void {
    // Counted already.
  }
}

/** What the library is told of the field: it reads the name alone. */
function resolveInfoOf(fieldName: string): GraphQLResolveInfo {
  return {
    fieldName,
    fieldNodes: [],
    returnType: GraphQLBoolean,
    parentType: new GraphQLObjectType({ name: 'RateLimited', fields: { [fieldName]: { type: GraphQLBoolean } } }),
    path: { prev: undefined, key: fieldName, typename: undefined },
    schema: new GraphQLSchema({}),
    fragments: {},
    rootValue: undefined,
    operation: {
      kind: Kind.OPERATION_DEFINITION,
      operation: OperationTypeNode.QUERY,
      selectionSet: { kind: Kind.SELECTION_SET, selections: [] },
    },
    variableValues: {},
  };
}
