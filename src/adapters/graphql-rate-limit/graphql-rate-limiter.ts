import {
  GraphQLBoolean,
  GraphQLObjectType,
  GraphQLSchema,
  Kind,
  OperationTypeNode,
  type GraphQLResolveInfo,
} from 'graphql';
import { getGraphQLRateLimiter, Store } from 'graphql-rate-limit';
import { RateLimited } from '../../kernel/errors.js';
import type { RateLimitStore } from '../../ports/rate-limit-store.js';
import type { CreateRateLimiter, RateLimiter, RateLimitRule } from '../../ports/rate-limiter.js';

/** Limits calls by `graphql-rate-limit`, counted in `store`. */
export function graphqlRateLimiters(store: RateLimitStore): CreateRateLimiter {
  return (rule, message) => graphqlRateLimiter(store, rule, message);
}

/**
 * The library is made for resolvers; services call this limiter instead, so that every door is limited alike and the check
 * comes where the contract wants it. The resolver that the library is told of is therefore made up.
 */
function graphqlRateLimiter(store: RateLimitStore, rule: RateLimitRule, message: string): RateLimiter {
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
 * One call, in the form of a store of the library.
 *
 * The library reads the times of earlier calls, counts them, and writes them back with this one. Two calls at once would read
 * the same list and both pass, with its own Redis store too. So the read counts the call in our store, which is atomic, and
 * answers a list as long as the number of calls before it; the write has nothing left to do. The library then decides and
 * words the refusal by that length, as it does by its own lists.
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
    // The library drops times that have left the window by its own clock; the store has dropped those already.
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
