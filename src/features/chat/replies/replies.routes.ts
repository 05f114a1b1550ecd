import type { RestError } from '../../../rest/answers.js';
import type { JsonSchema } from '../../../rest/json-schema.js';
import type { AnyRestRoute } from '../../../rest/route.js';
import { body, constant, path, query } from '../../../rest/sources.js';
import { MAX_QUESTION_LENGTH, replyError } from './reply.js';

/** OpenAPI form of the rule in replies.rules.ts that a question to the model must have a text. */
const QUESTION_NEEDS_TEXT: JsonSchema = {
  if: {
    required: ['message_type', 'invoke_llm'],
    properties: { message_type: { const: 'user' }, invoke_llm: { const: true } },
  },
  then: {
    properties: {
      content: {
        required: ['text'],
        properties: { text: { type: 'string', maxLength: MAX_QUESTION_LENGTH, pattern: '\\S' } },
      },
    },
  },
};

const tag = 'Chat';

const chatErrors: readonly RestError[] = [
  { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
  { code: 'RATE_LIMITED', message: 'Too many requests' },
  { code: 'NOT_FOUND', message: 'Conversation not found' },
  { code: 'UPSTREAM_FAILED', message: 'OpenAI request failed' },
];

const events = { ReplyDelta: 'delta', ReplyCompleted: 'completed', ReplyFailed: 'failed' } as const;

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
    tag: 'Messages',
    arguments: {
      'input.conversationId': path('conversation_id'),
      'input.waitForReply': constant(true),
      input: body({
        readOnly: ['message_id', 'conversation_id', 'user_id', 'timestamp'],
        omit: ['conversationId', 'waitForReply'],
        schema: QUESTION_NEEDS_TEXT,
      }),
    },
    field: 'message',
    errors: [
      { code: 'RATE_LIMITED', message: 'Too many messages' },
      { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
      { code: 'NOT_FOUND', message: 'Conversation not found' },
    ],
  },

  chat: {
    method: 'POST',
    path: '/chat',
    operationId: 'chat',
    summary: 'Ask the model',
    tag,
    arguments: { input: body() },
    errors: chatErrors,
  },

  streamChat: {
    method: 'POST',
    path: '/chat',
    operationId: 'streamChat',
    summary: 'Ask the model and stream its answer',
    tag,
    when: 'stream',
    arguments: { input: body() },
    errors: chatErrors,
    events,
    text: { event: 'ReplyDelta', field: 'text' },
    failure,
  },

  streamReply: {
    method: 'GET',
    path: '/messages/{message_id}/stream',
    operationId: 'streamReply',
    summary: "Follow a reply's events",
    tag: 'Messages',
    arguments: { messageId: path('message_id'), after: query('after', { default: 0, header: 'Last-Event-ID' }) },
    errors: [{ code: 'NOT_FOUND', message: 'Message not found' }],
    events,
    failure,
  },
} satisfies Record<string, AnyRestRoute>;
