import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from '../../generated/openapi.js';
import type {
  Client,
  Conversation,
  Failure,
  Message,
  Model,
  Outcome,
  Plan,
  Usage,
  User,
  UserChanges,
} from './client.js';

type Schemas = components['schemas'];

/** openapi-fetch, typed by the OpenAPI document. */
export function restClient(url: string): Client {
  let token: string | undefined;
  const authorise: Middleware = {
    onRequest({ request }) {
      if (token !== undefined) request.headers.set('authorization', `Bearer ${token}`);
    },
  };
  const api = createClient<paths, 'application/json'>({ baseUrl: `${url}/api/v1` });
  api.use(authorise);

  return {
    createUser: async (body) => outcome(await api.POST('/users', { body }), userOf),
    async login(body) {
      const answer = await api.POST('/auth/login', { body });
      token = answer.data?.data.access_token ?? token;
      return outcome(answer, nothing);
    },
    logout: async () => outcome(await api.POST('/auth/logout'), nothing),
    me: async () => outcome(await api.GET('/users/me'), userOf),
    updateMe: async (changes) => outcome(await api.PATCH('/users/me', { body: userBody(changes) }), userOf),
    deleteMe: async () => outcome(await api.DELETE('/users/me'), userOf),
    user: async (user_id) => outcome(await api.GET('/users/{user_id}', { params: { path: { user_id } } }), userOf),
    users: async () => outcome(await api.GET('/users'), (users) => users.map(userOf)),

    plans: async () =>
      outcome(await api.GET('/plans'), (plans) =>
        Object.fromEntries(Object.entries(plans).map(([name, plan]) => [name, planOf(plan)])),
      ),
    changePlan: async (plan) =>
      outcome(
        await api.POST('/user/upgrade', { params: { query: { plan } } }),
        ({ detail }) => detail === 'plan updated',
      ),
    models: async () => outcome(await api.GET('/models'), (models) => models.map(modelOf)),
    usage: async () => outcome(await api.GET('/user/usage'), (days) => days.map(usageOf)),

    createConversation: async (body) => outcome(await api.POST('/conversations', { body }), conversationOf),
    conversations: async ({ query: q, first: limit, offset: skip }) =>
      outcome(
        await api.GET('/conversations', { params: { query: { limit, skip, ...(q !== undefined && { q }) } } }),
        (conversations) => conversations.map(conversationOf),
      ),
    conversation: async (id) =>
      outcome(await api.GET('/conversations/{conversation_id}', inConversation(id)), conversationOf),
    updateConversation: async (id, body) =>
      outcome(await api.PATCH('/conversations/{conversation_id}', { ...inConversation(id), body }), conversationOf),
    deleteConversation: async (id) =>
      outcome(await api.DELETE('/conversations/{conversation_id}', inConversation(id)), conversationOf),
    deleteConversations: async (ids) =>
      outcome(await api.DELETE('/conversations', { params: { query: { ids: [...ids] } } }), ({ deleted }) => deleted),

    createMessage: async (id, { content, messageType, invokeLlm = false }) =>
      outcome(
        await api.POST('/conversations/{conversation_id}/messages', {
          ...inConversation(id),
          body: { content, message_type: messageType, invoke_llm: invokeLlm },
        }),
        messageOf,
      ),
    messages: async (conversation_id, { first: limit, offset: skip }) =>
      outcome(
        await api.GET('/conversations/{conversation_id}/messages', {
          params: { path: { conversation_id }, query: { limit, skip } },
        }),
        (messages) => messages.map(messageOf),
      ),
    message: async (id) => outcome(await api.GET('/messages/{message_id}', ofMessage(id)), messageOf),
    updateMessage: async (id, { messageType, ...changes }) =>
      outcome(
        await api.PATCH('/messages/{message_id}', {
          ...ofMessage(id),
          body: { ...changes, ...(messageType !== undefined && { message_type: messageType }) },
        }),
        messageOf,
      ),
    deleteMessage: async (id) => outcome(await api.DELETE('/messages/{message_id}', ofMessage(id)), messageOf),
    chat: async (message, conversation_id) =>
      outcome(
        await api.POST('/chat', { body: { message, ...(conversation_id !== undefined && { conversation_id }) } }),
        ({ response, tokens, generation }) => ({
          response,
          tokens,
          model: generation.model,
          cost: generation.cost,
          finishReason: generation.finish_reason,
        }),
      ),
  };
}

const inConversation = (conversation_id: string) => ({ params: { path: { conversation_id } } });
const ofMessage = (message_id: string) => ({ params: { path: { message_id } } });
const nothing = () => null;

interface Answer<Data> {
  readonly data?: { readonly data: Data };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  readonly response: Response;
}

function outcome<Data, Shape>({ data, error, response }: Answer<Data>, shape: (data: Data) => Shape): Outcome<Shape> {
  if (data !== undefined) return { data: shape(data.data) };
  if (error === undefined) throw new Error(`An answer of ${response.status} has neither data nor an error`);
  return { failure: failureOf(error, response) };
}

/** Statuses with a single meaning. */
const CODES: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND',
  422: 'BAD_USER_INPUT',
  429: 'RATE_LIMITED',
  502: 'UPSTREAM_FAILED',
};
const CODES_OF_MESSAGES: Readonly<Record<string, string>> = {
  'User already exists': 'CONFLICT',
  'Invalid plan': 'BAD_USER_INPUT',
  'Upgrade required': 'QUOTA_EXCEEDED',
};

function failureOf({ code, message, data }: NonNullable<Answer<never>['error']>, { headers }: Response): Failure {
  const faults = (data as Schemas['ValidationError'] | null | undefined)?.errors;
  return {
    code: CODES_OF_MESSAGES[message] ?? CODES[code] ?? (code === 403 ? 'FORBIDDEN' : `${code} ${message}`),
    ...(faults !== undefined && { faults }),
    mayTryAgain: Number(headers.get('retry-after') ?? 0) > 0,
  };
}

function userBody({ phoneNumber, isAdmin, ...changes }: UserChanges) {
  return {
    ...changes,
    ...(phoneNumber !== undefined && { phone_number: phoneNumber }),
    ...(isAdmin !== undefined && { is_admin: isAdmin }),
  };
}

function userOf(user: Schemas['User']): User {
  return {
    id: user.user_id,
    email: user.email,
    phoneNumber: user.phone_number,
    provider: user.provider,
    providerId: user.provider_id,
    isVerified: user.is_verified,
    verifiedAt: user.verified_at,
    profile: user.profile,
    isActive: user.is_active,
    isSuspended: user.is_suspended,
    isAdmin: user.is_admin,
    plan: user.plan,
    lastLogin: user.last_login,
  };
}

type WirePlan = Schemas['Plan'];

function planOf(plan: WirePlan): Plan {
  return {
    price: plan.price,
    dailyMessages: plan.daily_messages,
    dailyTokens: plan.daily_tokens,
    maxConversations: plan.max_conversations,
    maxFileUploads: plan.max_file_uploads,
  };
}

function usageOf(day: Schemas['Usage']): Usage {
  return {
    id: day.usage_id,
    date: day.date,
    messageCount: day.message_count,
    tokenCount: day.token_count,
    fileUploads: day.file_uploads,
  };
}

function modelOf({ name, price, fallback, ...model }: Schemas['Model']): Model {
  return {
    name,
    isAllowed: model.is_allowed,
    isDefault: model.is_default,
    contextTokens: model.context_tokens,
    maxReplyTokens: model.max_reply_tokens,
    price: price && { prompt: price.prompt, completion: price.completion, currency: price.currency },
    fallback,
  };
}

function conversationOf(conversation: Schemas['Conversation']): Conversation {
  const { title, status } = conversation;
  return {
    id: conversation.conversation_id,
    title,
    status,
    createdAt: conversation.created_at,
    updatedAt: conversation.updated_at,
  };
}

function messageOf(message: Schemas['Message']): Message {
  return {
    id: message.message_id,
    conversationId: message.conversation_id,
    userId: message.user_id,
    content: message.content,
    messageType: message.message_type,
    createdAt: message.timestamp,
    extra: message.extra,
  };
}
