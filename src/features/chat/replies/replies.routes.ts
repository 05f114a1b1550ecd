import type { RestError } from '../../../rest/answers.js';
import type { JsonSchema } from '../../../rest/json-schema.js';
import type { AnyRestRoute } from '../../../rest/route.js';
import { body, constant, path, query } from '../../../rest/sources.js';
import { messageVersion, type MessageRow } from '../messages/message.js';
import { STALE_LEAF } from '../messages/stale-leaf.routes.js';
import { MAX_QUESTION_LENGTH, replyError } from './reply.js';

/** OpenAPI form of the rule in replies.rules.ts for a question to the model; one without a text is given to it as JSON. */
const QUESTION_TEXT: JsonSchema = {
  if: {
    required: ['message_type', 'invoke_llm'],
    properties: { message_type: { const: 'user' }, invoke_llm: { const: true } },
  },
  then: {
    properties: {
      content: { properties: { text: { maxLength: MAX_QUESTION_LENGTH, pattern: '\\S' } } },
      // Programs that check the example take what is not named here for unknown.
      message_type: {},
      invoke_llm: {},
    },
  },
};

const tag = 'Chat';

/** Clients ask again after 502, and must not find the question in the conversation twice. */
const forgettingUnanswered = { 'input.keepUnanswered': constant(false) };

const chatErrors: readonly RestError[] = [
  { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
  { code: 'RATE_LIMITED', message: 'Too many requests' },
  { code: 'NOT_FOUND', message: 'Conversation not found' },
  STALE_LEAF,
  { code: 'UPSTREAM_FAILED', message: 'OpenAI request failed' },
];

const TOO_MANY_STREAMS: RestError = { code: 'RATE_LIMITED', message: 'Too many open streams' };

const events = {
  ReplyDelta: 'delta',
  ReplyReasoning: 'reasoning',
  ReplyToolCall: 'tool_call',
  ReplyToolResult: 'tool_result',
  ReplyCompleted: 'completed',
  ReplyFailed: 'failed',
} as const;

const failure = {
  event: 'ReplyFailed',
  toError: (event: { readonly code: string; readonly reason: string }) => replyError(event),
} as const;

export const routes = {
  createMessage: {
    method: 'POST',
    path: '/conversations/{conversation_id}/messages',
    operationId: 'createMessage',
    summary: 'Add a message, and ask the model to answer it',
    description:
      "Adds a message to a conversation. With `invoke_llm`, the model answers a `user` message, and this answer waits for it: the reply is then the conversation's last message. 429, then 403 when the day has no message or too few tokens left.",
    tag: 'Messages',
    arguments: {
      'input.conversationId': path('conversation_id'),
      'input.waitForReply': constant(true),
      input: body({
        omit: ['conversationId', 'waitForReply'],
        schema: QUESTION_TEXT,
      }),
    },
    field: 'message',
    version: ({ message }: { readonly message: MessageRow }) => messageVersion(message),
    errors: [
      { code: 'RATE_LIMITED', message: 'Too many messages' },
      { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
      { code: 'NOT_FOUND', message: 'Conversation not found' },
      STALE_LEAF,
    ],
  },

  chat: {
    method: 'POST',
    path: '/chat',
    operationId: 'chat',
    summary: 'Ask the model',
    tag,
    arguments: { input: body(), ...forgettingUnanswered },
    errors: chatErrors,
  },

  streamChat: {
    method: 'POST',
    path: '/chat/stream',
    operationId: 'streamChat',
    summary: 'Ask the model and stream its answer',
    description:
      'Asks the model once and streams its answer; nothing but usage is stored unless a conversation is named. Without one, the model stops when the connection ends. 403, then 429; 502 when the model fails before any text, otherwise the event `failed`.',
    tag,
    arguments: { input: body(), ...forgettingUnanswered },
    errors: [{ ...TOO_MANY_STREAMS, message: 'Too many requests', insteadOf: TOO_MANY_STREAMS.message }, ...chatErrors],
    events,
    beside: { path: '/chat', when: 'stream', text: { event: 'ReplyDelta', field: 'text' } },
    failure,
  },

  stopReply: {
    method: 'POST',
    path: '/messages/{message_id}/stop',
    operationId: 'stopReply',
    summary: 'Stop a reply that is streaming',
    description:
      'Stops a reply that is streaming; what had come is kept as `partial`, and its stream ends with the event `failed`. A reply that has ended stays as it is.',
    tag: 'Messages',
    arguments: { messageId: path('message_id') },
    version: messageVersion,
    errors: [{ code: 'NOT_FOUND', message: 'Message not found' }],
  },

  streamReply: {
    method: 'GET',
    path: '/messages/{message_id}/stream',
    operationId: 'streamReply',
    summary: "Follow a reply's events",
    tag: 'Messages',
    ticket: { parameter: 'ticket', of: 'message_id' },
    arguments: { messageId: path('message_id'), after: query('after', { default: 0, header: 'Last-Event-ID' }) },
    errors: [{ code: 'NOT_FOUND', message: 'Message not found' }, TOO_MANY_STREAMS],
    events,
    failure,
  },
} satisfies Record<string, AnyRestRoute>;
