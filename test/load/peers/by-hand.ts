// REST by hand: Fastify with schemas, by which it checks what comes and writes what goes, and pg.
import {
  createMessage,
  findConversation,
  findMe,
  listConversations,
  listMessages,
  type ConversationRow,
  type MessageRow,
  type UserRow,
} from './database.js';
import { fastifyServer, listen } from './server.js';
import { viewerOf, type Viewer } from './viewer.js';

declare module 'fastify' {
  interface FastifyRequest {
    viewer: Viewer;
  }
}

/** As Helmet sets them, and what an API adds. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
};

const text = { type: 'string' };
const optionalText = { type: 'string', nullable: true };
const flag = { type: 'boolean' };
const count = { type: 'integer' };
const time = { type: 'string', format: 'date-time' };
const optionalTime = { ...time, nullable: true };
const anyObject = { type: 'object', additionalProperties: true };
const optionalObject = { ...anyObject, nullable: true };
const list = (items: object) => ({ type: 'array', items });
const envelope = (data: object) => ({
  response: { 200: { type: 'object', properties: { code: count, message: text, data } } },
});

const USER = {
  type: 'object',
  properties: {
    user_id: text,
    email: optionalText,
    phone_number: optionalText,
    provider: text,
    provider_id: optionalText,
    is_verified: flag,
    verified_at: optionalTime,
    profile: anyObject,
    is_active: flag,
    is_suspended: flag,
    is_admin: flag,
    last_login: optionalTime,
    plan: text,
  },
};
const CONVERSATION = {
  type: 'object',
  properties: {
    conversation_id: text,
    title: optionalText,
    status: optionalText,
    model: optionalText,
    instructions: optionalText,
    temperature: { type: 'number', nullable: true },
    max_tokens: { type: 'integer', nullable: true },
    is_pinned: flag,
    is_archived: flag,
    label: optionalText,
    message_count: count,
    unread_count: count,
    created_at: time,
    updated_at: time,
    user_id: text,
  },
};
const MESSAGE = {
  type: 'object',
  properties: {
    message_id: text,
    content: anyObject,
    message_type: text,
    status: text,
    sequence: { type: 'integer', nullable: true },
    waits_until: optionalTime,
    extra: optionalObject,
    generation: optionalObject,
    timestamp: time,
    conversation_id: text,
    tool_calls: list(anyObject),
    reasoning: optionalText,
    reply_to: optionalText,
    parent_id: optionalText,
    user_id: optionalText,
  },
};
const PAGING = {
  querystring: {
    type: 'object',
    properties: {
      skip: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 0 },
      limit: { type: 'integer', minimum: 1, maximum: 100, default: 100 },
    },
  },
};
const NEW_MESSAGE = {
  body: {
    type: 'object',
    required: ['content', 'message_type'],
    properties: {
      content: anyObject,
      message_type: { type: 'string', minLength: 1, maxLength: 50 },
      extra: optionalObject,
      invoke_llm: flag,
    },
  },
};

const success = (data: unknown) => ({ code: 200, message: 'Success', data });

const userOf = (row: UserRow) => ({
  user_id: row.id,
  email: row.email,
  phone_number: row.phoneNumber,
  provider: row.provider,
  provider_id: row.providerId,
  is_verified: row.isVerified,
  verified_at: row.verifiedAt,
  profile: row.profile,
  is_active: row.isActive,
  is_suspended: row.isSuspended,
  is_admin: row.isAdmin,
  last_login: row.lastLogin,
  plan: row.plan,
});

const conversationOf = (row: ConversationRow) => ({
  conversation_id: row.id,
  title: row.title,
  status: row.status,
  model: row.model,
  instructions: row.instructions,
  temperature: row.temperature,
  max_tokens: row.maxTokens,
  is_pinned: row.isPinned,
  is_archived: row.isArchived,
  label: row.label,
  message_count: row.messageCount,
  unread_count: row.unreadCount,
  created_at: row.createdAt,
  updated_at: row.updatedAt,
  user_id: row.userId,
});

const messageOf = (row: MessageRow) => ({
  message_id: row.id,
  content: row.content,
  message_type: row.messageType,
  status: row.status.toLowerCase(),
  sequence: row.sequence,
  waits_until: row.waitsUntil,
  extra: row.extra,
  generation: row.generation,
  timestamp: row.createdAt,
  conversation_id: row.conversationId,
  tool_calls: [],
  reasoning: null,
  reply_to: row.replyToId,
  parent_id: row.parentId,
  user_id: row.userId,
});

interface ById {
  Params: { readonly id: string };
}
interface Paged {
  Querystring: { readonly skip: number; readonly limit: number };
}
interface Created extends ById {
  Body: { readonly content: object; readonly message_type: string; readonly extra?: object | null };
}

const app = fastifyServer();
app.decorateRequest('viewer');
app.addHook('onRequest', async (request, reply) => {
  reply.headers(HEADERS).header('x-request-id', request.id);
  if (request.url.startsWith('/api/')) request.viewer = await viewerOf(request.headers.authorization);
});
app.setErrorHandler((error: Error & { readonly validation?: unknown; readonly statusCode?: number }, _, reply) => {
  const code = error.validation === undefined ? (error.statusCode ?? 500) : 422;
  void reply.code(code).send({ code, message: error.message, data: null });
});
app.get('/api/v1/users/me', { schema: envelope(USER) }, async ({ viewer }) => success(userOf(await findMe(viewer))));
app.get<ById>('/api/v1/conversations/:id', { schema: envelope(CONVERSATION) }, async ({ viewer, params }) =>
  success(conversationOf(await findConversation(viewer, params.id))),
);
app.get<Paged>('/api/v1/conversations', { schema: { ...PAGING, ...envelope(list(CONVERSATION)) } }, async (request) => {
  const { skip, limit } = request.query;
  return success((await listConversations(request.viewer, limit, skip)).map(conversationOf));
});
app.get<ById & Paged>(
  '/api/v1/conversations/:id/messages',
  { schema: { ...PAGING, ...envelope(list(MESSAGE)) } },
  async (request) => {
    const { skip, limit } = request.query;
    return success((await listMessages(request.viewer, request.params.id, limit, skip)).map(messageOf));
  },
);
app.post<Created>(
  '/api/v1/conversations/:id/messages',
  { schema: { ...NEW_MESSAGE, ...envelope(MESSAGE) } },
  async ({ viewer, params, body }) => {
    const { content, message_type: messageType, extra = null } = body;
    return success(messageOf(await createMessage(viewer, params.id, { content, messageType, extra })));
  },
);
await listen(app);
