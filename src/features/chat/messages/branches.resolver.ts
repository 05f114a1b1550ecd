import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { BY_ID, batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { NotFound } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { RestHidden } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import type { ConversationRow } from '../conversations/conversation.js';
import { Conversation } from '../conversations/conversation.type.js';
import { MessageSiblings } from './branch.type.js';
import { routes } from './branches.routes.js';
import type { BranchesService } from './branches.service.js';
import type { MessageRow, Siblings } from './message.js';
import { Message } from './message.type.js';
import { descriptions } from './messages.descriptions.js';
import { ofMessageRules } from './messages.rules.js';
import type { MessagesService } from './messages.service.js';

interface BranchesResolverNeeds {
  readonly service: BranchesService;
  readonly messages: Pick<MessagesService, 'get' | 'load'>;
}

@Resolver(() => Message)
export class BranchesResolver {
  constructor(private readonly needs: BranchesResolverNeeds) {}

  @Operation('conversations:read', ofMessageRules)
  @Rest(routes.listSiblings)
  @Query(() => [Message], { description: descriptions.messageSiblings })
  async messageSiblings(
    @CurrentViewer() viewer: Viewer,
    @Ctx() context: RequestContext,
    @Arg('messageId', () => ID) messageId: string,
  ): Promise<readonly MessageRow[]> {
    const { messages } = this.needs;
    const { ids } = await this.siblings(await messages.get(viewer, messageId), context);
    return loadAll(messages, ids, context);
  }

  @Operation('conversations:write', ofMessageRules)
  @Rest(routes.selectBranch)
  @Mutation(() => Conversation, { description: descriptions.selectBranch })
  selectBranch(
    @CurrentViewer() viewer: Viewer,
    @Arg('messageId', () => ID) messageId: string,
  ): Promise<ConversationRow> {
    return this.needs.service.select(viewer, messageId);
  }

  @Operation('conversations:write', ofMessageRules)
  @Rest(routes.forkConversation)
  @Mutation(() => Conversation, { description: descriptions.forkConversation })
  forkConversation(
    @CurrentViewer() viewer: Viewer,
    @Arg('messageId', () => ID) messageId: string,
  ): Promise<ConversationRow> {
    return this.needs.service.fork(viewer, messageId);
  }

  @RestHidden()
  @FieldResolver(() => MessageSiblings, { description: descriptions.siblings })
  async siblings(@Root() message: MessageRow, @Ctx() context: RequestContext): Promise<Siblings> {
    const { service } = this.needs;
    return batch(context, service, { of: 'siblings' }, message.id, (ids) => service.siblings(ids));
  }
}

@Resolver(() => MessageSiblings)
export class MessageSiblingsResolver {
  constructor(private readonly messages: Pick<MessagesService, 'load'>) {}

  @FieldResolver(() => [Message], { description: 'Oldest first.' })
  async nodes(@Root() { ids }: Siblings, @Ctx() context: Pick<RequestContext, 'once'>): Promise<readonly MessageRow[]> {
    return loadAll(this.messages, ids, context);
  }
}

/** Those that were not deleted since their ids were read. */
async function loadAll(
  messages: Pick<MessagesService, 'load'>,
  ids: readonly string[],
  context: Pick<RequestContext, 'once'>,
): Promise<readonly MessageRow[]> {
  const rows = await Promise.all(
    ids.map(async (id) => {
      try {
        return await batch(context, messages, BY_ID, id, (wanted) => messages.load(wanted));
      } catch (error) {
        if (error instanceof NotFound) return null;
        throw error;
      }
    }),
  );
  return rows.filter((row) => row !== null);
}
