import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import { Subscription } from 'type-graphql';
import type { Viewer } from '../kernel/viewer.js';
import type { RequestContext } from './context.js';
import type { OperationExtension } from './operation.js';

interface StreamOptions {
  readonly description: string;
  /** The field's name, where the method's would not do. */
  readonly name?: string;
}

/**
 * Marks a method as a subscription: it returns the events, as an `AsyncIterable`, and is written like any other operation,
 * with `@Operation`, `@CurrentViewer` and `@Arg`. {@link subscribeByMethods} makes it so.
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
 * type-graphql runs neither a method nor its middleware before a subscription begins: it calls the method with each event. Here
 * the method opens the stream, so that credentials, rules and arguments are seen to as they are for queries and mutations; an
 * event is what the method yields. A stream for an authenticated caller ends with the caller's session.
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

/** The viewer as the caller's latest token has it; another user's token would not do. */
function latest({ latestViewer }: RequestContext, viewer: Viewer): Viewer {
  const renewed = latestViewer?.();
  return renewed?.userId === viewer.userId ? renewed : viewer;
}
