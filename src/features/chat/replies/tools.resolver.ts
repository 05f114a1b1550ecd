import { Args, Ctx, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { MessageRow } from '../messages/message.js';
import { Message } from '../messages/message.type.js';
import { descriptions } from './replies.descriptions.js';
import type { RepliesService } from './replies.service.js';
import { routes } from './tools.routes.js';
import { submitToolResultsRules } from './tools.rules.js';
import { ToolResults } from './tools.type.js';

@Resolver()
export class ToolsResolver {
  constructor(private readonly service: Pick<RepliesService, 'submitToolResults'>) {}

  @Operation('chat', submitToolResultsRules)
  @Rest(routes.submitToolResults)
  @Mutation(() => Message, { description: descriptions.submitToolResults })
  submitToolResults(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { requestId }: RequestContext,
    @Args(() => ToolResults) { messageId, results }: ToolResults,
  ): Promise<MessageRow> {
    return this.service.submitToolResults(viewer, messageId, results, requestId);
  }
}
