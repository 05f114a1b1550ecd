import { Conflict, Invalid } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { MessageContent, MessageRow } from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';
import type { ModelChoice } from '../models/model.js';
import type { CreatedMessage, RegenerationRequest, RepliesService } from './replies.service.js';

export interface EditRequest extends ModelChoice {
  readonly content: MessageContent;
  /** By default, that of the message which is edited. */
  readonly extra?: MessageContent | null | undefined;
  readonly invokeLlm: boolean;
  readonly waitForReply: boolean;
  readonly expectedLeafId?: string | null | undefined;
}

interface VersionsServiceNeeds {
  readonly replies: Pick<RepliesService, 'answerAgain' | 'createMessage'>;
  readonly messages: Pick<MessagesService, 'get'>;
}

/** Other versions of what was said: questions in other words, and other answers. What is there stays, on its own branch. */
export class VersionsService {
  constructor(private readonly needs: VersionsServiceNeeds) {}

  /**
   * Adds a version of a message beside it.
   * @throws in this order: NotFound; Invalid for a message of the model; then as `RepliesService.createMessage`
   */
  async edit(viewer: Viewer, id: string, request: EditRequest, requestId?: string): Promise<CreatedMessage> {
    const { replies, messages } = this.needs;
    const { conversationId, messageType, userId, extra } = await messages.get(viewer, id);
    if (userId === null) throw new Invalid([{ field: 'id', message: 'is a reply of the model' }]);
    const message = { extra, ...request, conversationId, messageType, versionOf: id };
    return replies.createMessage(viewer, message, requestId);
  }

  /**
   * Has the model answer a question once more.
   * @param id the reply, or the question itself
   * @throws in this order: NotFound, Conflict, Invalid; then as `RepliesService.answerAgain`
   */
  async regenerate(viewer: Viewer, id: string, request: RegenerationRequest, requestId?: string): Promise<MessageRow> {
    const question = await this.#questionOf(viewer, await this.needs.messages.get(viewer, id));
    return this.needs.replies.answerAgain(viewer, question, request, requestId);
  }

  async #questionOf(viewer: Viewer, message: MessageRow): Promise<MessageRow> {
    if (message.userId !== null) {
      if (message.messageType === 'user') return message;
      throw new Invalid([{ field: 'messageId', message: 'is neither a question nor a reply' }]);
    }
    if (message.replyToId === null) throw new Conflict('The question of this reply was deleted');
    return this.needs.messages.get(viewer, message.replyToId);
  }
}
