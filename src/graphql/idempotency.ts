import type { GraphQLField, GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import { Extensions } from 'type-graphql';
import type { KeyedRequest, RequestContext } from './context.js';
import { requireAccess, type OperationExtension } from './operation.js';

/** How a field that acts is kept from acting twice when its request is sent again. */
export type Idempotency =
  /** By the request's `Idempotency-Key`. */
  | {
      readonly by: 'key';
      /** Whether the call goes on when its act is stored: see `src/ports/keyed-act.ts`. */
      readonly goesOn: boolean;
      /** Dotted paths of arguments that only say in which form, or when, the answer comes. */
      readonly answerOnly: readonly string[];
    }
  /** A repeat does no harm, or is refused: a key counts for nothing. */
  | { readonly by: 'itself'; readonly because: string };

const BY_KEY: Idempotency = { by: 'key', goesOn: false, answerOnly: [] };
const BY_ANYONE: Idempotency = {
  by: 'itself',
  because: 'whoever has no account has no keys: anyone who knew one would be given the answer',
};

/** Marks a mutation that needs no key, with the reason. */
export function IdempotentByItself(because: string): MethodDecorator {
  return Extensions({ idempotency: { by: 'itself', because } satisfies Idempotency });
}

/**
 * Marks a mutation or subscription that goes on when its act is stored, to wait or to stream: its service stores what a repeat
 * answers from (`keyedAct()` of `src/ports/keyed-act.ts`). Any other mutation is one transaction, and needs no mark.
 */
export function GoesOnAfterAct(options: { readonly answerOnly?: readonly string[] } = {}): MethodDecorator {
  const idempotency: Idempotency = { by: 'key', goesOn: true, answerOnly: options.answerOnly ?? [] };
  return Extensions({ idempotency });
}

/** What holds for a field of Mutation; undefined for one of another type that has no mark, since it does not act. */
export function idempotencyOf(
  field: { readonly extensions: Readonly<Record<string, unknown>> },
  isMutation: boolean,
): Idempotency | undefined {
  const operation = field.extensions['operation'] as OperationExtension | undefined;
  const marked = field.extensions['idempotency'] as Idempotency | undefined;
  if (marked !== undefined || !isMutation) return marked;
  return operation?.access === 'anyone' ? BY_ANYONE : BY_KEY;
}

type FieldResolver = GraphQLFieldResolver<unknown, RequestContext, Readonly<Record<string, unknown>>>;

/** Puts the request's key, where it has one, around the resolvers of all fields that act. */
export function actOncePerKey(schema: GraphQLSchema): void {
  const mutations = schema.getMutationType();
  for (const type of [mutations, schema.getSubscriptionType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const idempotency = idempotencyOf(field, type === mutations);
      const act = field.resolve as FieldResolver | undefined;
      if (idempotency?.by === 'key' && act !== undefined) field.resolve = oncePerKey(field, idempotency, act);
    }
  }
}

function oncePerKey(
  { name: field, extensions }: GraphQLField<unknown, unknown>,
  { goesOn, answerOnly }: Idempotency & { by: 'key' },
  act: FieldResolver,
): FieldResolver {
  const operation = extensions['operation'] as OperationExtension;
  const callOnce = async (keyed: KeyedRequest, ...[source, args, context, info]: Parameters<FieldResolver>) => {
    const viewer = await context.viewer();
    // A repeat is answered without the operation's own guard.
    requireAccess(operation, viewer, info);
    const called = { userId: viewer.userId, field, args, goesOn, answerOnly };
    // A copy each time: a resolver's guards change the arguments, and the act may be done again.
    return keyed.call(called, async () => await act(source, { ...args }, context, info));
  };
  return (source, args, context, info) =>
    context.keyed === undefined
      ? act(source, args, context, info)
      : callOnce(context.keyed, source, args, context, info);
}
