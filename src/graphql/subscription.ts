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
      const events = (await open(undefined, args, context, info)) as AsyncIterable<unknown>;
      if (access === 'anyone') return events;
      const viewer = await context.viewer();
      return context.whileSignedIn(() => latest(context, viewer), events);
    };
    field.resolve = (event: unknown) => event;
  }
}

/** The viewer of the caller's latest token, unless that belongs to another user. */
function latest({ latestViewer }: RequestContext, viewer: Viewer): Viewer {
  const renewed = latestViewer?.();
  return renewed?.userId === viewer.userId ? renewed : viewer;
}
