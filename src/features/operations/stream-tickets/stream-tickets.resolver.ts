import { Arg, ID, Mutation, Resolver } from 'type-graphql';
import { z } from 'zod';
import { IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { RepliesService } from '../../chat/replies/replies.service.js';
import type { SessionsService } from '../../identity/sessions/sessions.service.js';
import { StreamTicket } from './stream-ticket.type.js';
import { routes } from './stream-tickets.routes.js';

const rules = z.object({ messageId: uuid() });

interface StreamTicketsResolverNeeds {
  readonly replies: Pick<RepliesService, 'getReply'>;
  readonly sessions: Pick<SessionsService, 'issueStreamTicket'>;
  readonly streamUrl: (messageId: string, ticket: string) => string;
}

@Resolver(() => StreamTicket)
export class StreamTicketsResolver {
  constructor(private readonly needs: StreamTicketsResolverNeeds) {}

  @Operation('user', rules)
  @IdempotentByItself('nothing is stored: a repeat gets a ticket that is good for longer')
  @Rest(routes.createStreamTicket)
  @Mutation(() => StreamTicket, {
    description:
      "A ticket for the stream of a reply over REST, for a browser's `EventSource`, which can send no header. NOT_FOUND; BAD_USER_INPUT for a message that the model did not write. GraphQL itself takes no tickets: its clients can send headers, over server-sent events too.",
  })
  async createStreamTicket(
    @CurrentViewer() viewer: Viewer,
    @Arg('messageId', () => ID) messageId: string,
  ): Promise<StreamTicket> {
    const { replies, sessions, streamUrl } = this.needs;
    const { id } = await replies.getReply(viewer, messageId);
    const issued = await sessions.issueStreamTicket(viewer, id);
    return { ...issued, url: streamUrl(id, issued.ticket) };
  }
}
