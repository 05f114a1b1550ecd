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
import { noteRateLimit } from '../../kernel/rate-limit-notes.js';
import type { RateLimitStore, RateLimitVerdict } from '../../ports/rate-limit-store.js';
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
    call.note();
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
  #verdict: RateLimitVerdict | undefined;

  constructor(
    private readonly store: RateLimitStore,
    private readonly rule: RateLimitRule,
    private readonly identity: string,
  ) {
    super();
  }

  get retryAfterSeconds(): number {
    return wholeSeconds(this.#verdict?.retryAfterMs ?? 0);
  }

  /** Tells the door what is left, for its answer. */
  note(): void {
    if (this.#verdict === undefined) return;
    const { before, resetMs } = this.#verdict;
    const { limit } = this.rule;
    const remaining = Math.max(0, limit - before - 1);
    noteRateLimit({ limit, remaining, resetSeconds: wholeSeconds(resetMs), isRefused: before >= limit });
  }

  async getForIdentity(): Promise<readonly number[]> {
    this.#verdict = await this.store.take(this.rule, this.identity);
    // The library drops times that have left the window by its own clock; the store has dropped those already.
    return new Array<number>(this.#verdict.before).fill(Number.POSITIVE_INFINITY);
  }

  setForIdentity(): void {
    // Counted already.
  }
}

function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
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
