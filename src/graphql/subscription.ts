import type { SubscribeResolverData } from 'type-graphql';
import type { Viewer } from '../kernel/viewer.js';
import type { RequestContext } from './context.js';
import { admit, type OperationExtension } from './operation.js';

/** Ends a stream as soon as its viewer's session does: the sessions feature's part in every subscription. */
export abstract class StreamGuard {
  /**
   * The same events; throws Unauthenticated into the reader when the viewer may no longer read.
   * @param whose asked at each look: a WebSocket's token may have been renewed
   */
  abstract guard<Event>(whose: () => Viewer, events: AsyncIterable<Event>): AsyncIterableIterator<Event>;
}

/**
 * The options of a `@Subscription` for authenticated callers: credentials first, then the rules of its arguments, then
 * `open`. type-graphql runs no middleware before a subscription's source, so `@Operation` cannot do this; give the field
 * `@Extensions({ operation })` with the same object beside it.
 */
export function subscription<Arguments extends object, Event>(
  operation: OperationExtension,
  open: (context: RequestContext, viewer: Viewer, args: Arguments) => Promise<AsyncIterable<Event>>,
) {
  return {
    subscribe: async ({
      context,
      args,
      info,
    }: SubscribeResolverData<unknown, Arguments, RequestContext>): Promise<AsyncIterable<Event>> => {
      await admit(operation, { context, args, info });
      const viewer = await context.viewer();
      return context.instance(StreamGuard).guard(() => latest(context, viewer), await open(context, viewer, args));
    },
  };
}

/** The viewer as the caller's latest token has it; another user's token would not do. */
function latest({ latestViewer }: RequestContext, viewer: Viewer): Viewer {
  const renewed = latestViewer?.();
  return renewed?.userId === viewer.userId ? renewed : viewer;
}
