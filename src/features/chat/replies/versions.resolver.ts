import { Arg, Args, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { GoesOnAfterAct } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { requireTokenAccess } from '../../../graphql/token-access.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { MessageRow } from '../messages/message.js';
import { Message } from '../messages/message.type.js';
import { descriptions } from './replies.descriptions.js';
import { editMessageRules, regenerateRules } from './replies.rules.js';
import type { CreatedMessage } from './replies.service.js';
import { CreateMessageResult, EditMessageInput, Regeneration } from './reply.type.js';
import { routes } from './versions.routes.js';
import type { VersionsService } from './versions.service.js';

@Resolver()
export class VersionsResolver {
  constructor(private readonly service: VersionsService) {}

  @Operation('conversations:write', editMessageRules)
  @GoesOnAfterAct({ answerOnly: ['input.waitForReply'] })
  @Rest(routes.editMessage)
  @Mutation(() => CreateMessageResult, { description: descriptions.editMessage })
  editMessage(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { requestId }: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => EditMessageInput) { invokeLlm, waitForReply, ...message }: EditMessageInput,
  ): Promise<CreatedMessage> {
    if (invokeLlm === true) requireTokenAccess(viewer, 'chat');
    const request = { ...message, invokeLlm: invokeLlm ?? false, waitForReply: waitForReply ?? false };
    return this.service.edit(viewer, id, request, requestId);
  }

  @Operation('chat', regenerateRules)
  @GoesOnAfterAct({ answerOnly: ['waitForReply'] })
  @Rest(routes.regenerateReply)
  @Mutation(() => Message, { description: descriptions.regenerateReply })
  regenerateReply(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { requestId }: RequestContext,
    @Args(() => Regeneration) { messageId, waitForReply, ...request }: Regeneration,
  ): Promise<MessageRow> {
    return this.service.regenerate(viewer, messageId, { ...request, waitForReply: waitForReply ?? false }, requestId);
  }
}
