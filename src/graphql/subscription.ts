import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import { Subscription } from 'type-graphql';
import type { Viewer } from '../kernel/viewer.js';
import type { RequestContext } from './context.js';
import type { OperationExtension } from './operation.js';

interface StreamOptions {
  readonly description: string;
  /** The field's name, if it differs from the method's. */
  readonly name?: string;
}

/**
 * Marks a method as a subscription: it returns the events as an `AsyncIterable`, and is written like any other operation, with
 * `@Operation`, `@CurrentViewer` and `@Arg`. {@link subscribeByMethods} makes the field call it.
 */
export function Stream(eventType: () => object, options: StreamOptions): MethodDecorator {
  return Subscription(eventType, {
    ...options,
    subscribe: () => {
      throw new Error('buildSchema puts the method itself in this place');
    },
  });
}

/** An extension of a subscription's field: its events are what the source yields, whatever the arguments. */
export const ARGUMENTS_AT_OPENING = { argumentsAtOpening: true } as const;

export function usesArgumentsAtOpening(
  field: { readonly extensions: Readonly<Record<string, unknown>> } | undefined,
): boolean {
  return field?.extensions['argumentsAtOpening'] === true;
}

type FieldResolver = GraphQLFieldResolver<unknown, RequestContext>;

/**
 * Makes the methods of subscriptions open their streams. By itself, type-graphql calls a method once per event, and runs
 * neither it nor its middleware at the start; this way credentials, rules and arguments are checked as for queries and
 * mutations. The events are those that the method yields. The stream of an authenticated caller ends with the caller's session.
 */
export function subscribeByMethods(schema: GraphQLSchema): void {
  for (const field of Object.values(schema.getSubscriptionType()?.getFields() ?? {})) {
    const { access } = field.extensions['operation'] as OperationExtension;
    const open = field.resolve as FieldResolver;
    field.subscribe = async (_source, args, context: RequestContext, info) => {
      const openEvents = async () => (await open(undefined, args, context, info)) as AsyncIterable<unknown>;
      if (access === 'anyone') return openEvents();
      const viewer = await context.viewer();
      // Before the method runs, which may ask the model.
      const leave = context.enterStream(viewer);
      try {
        return context.whileSignedIn(() => latest(context, viewer), await openEvents(), leave);
      } catch (error) {
        leave();
        throw error;
      }
    };
    field.resolve = (event: unknown) => event;
    field.extensions = { ...field.extensions, ...ARGUMENTS_AT_OPENING };
  }
}

/** The viewer of the caller's latest token, unless that belongs to another user. */
function latest({ latestViewer }: RequestContext, viewer: Viewer): Viewer {
  const renewed = latestViewer?.();
  return renewed?.userId === viewer.userId ? renewed : viewer;
}
