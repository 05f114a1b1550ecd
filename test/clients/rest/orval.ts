import * as api from '../generated/orval/api';
import { service } from './orval-call';
import { play } from '../scenario/scenario';
import { eventsIn, leave } from './streams';

/** @throws unless the status is 200 */
function good<Answer extends { readonly status: number; readonly data: unknown }>(
  answer: Answer,
): Extract<Answer, { status: 200 }>['data'] {
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.data));
  return answer.data as Extract<Answer, { status: 200 }>['data'];
}

/** The document gives a stream the type of a text; the function that orval calls leaves it to be read. */
function events(stream: string): ReturnType<typeof eventsIn> {
  return eventsIn(stream as unknown as ReadableStream<Uint8Array>);
}

void play((serviceUrl) => {
  service.baseUrl = `${serviceUrl}/api/v1`;
  return {
    signUp: async (email, password) =>
      good(await api.createUser({ provider: 'email', email, password })).data.email ?? '',
    async login(email, password) {
      service.token = good(await api.login({ email, password })).data.access_token;
    },
    async failToLogIn(email) {
      const answer = await api.login({ email, password: 'wrong' });
      if (answer.status !== 401) throw new Error(JSON.stringify(answer.data));
      const { code, message } = answer.data;
      return { code, message };
    },
    changePlan: async (plan) => good(await api.changePlan({ plan })).data.detail,
    upload: async (file) => good(await api.uploadFile({ file })).data,
    createConversation: async (title) => good(await api.createConversation({ title })).data.conversation_id,
    ask: async (conversation_id, message) => good(await api.chat({ conversation_id, message })).data.response,
    stream: async (conversation_id, message) => ({
      events: events(good(await api.streamChat({ conversation_id, message }))),
    }),
    resume: async (messageId, after) => events(good(await api.streamReply(messageId, { after }))),
    stop: (_, message) => leave(async (signal) => events(good(await api.streamChat({ message }, { signal })))),
    messages: async (conversationId) =>
      good(await api.listMessages(conversationId)).data.map(({ message_id, message_type, status, content }) => ({
        ...{ id: message_id, type: message_type, status },
        text: String(content['text']),
      })),
    deleteConversation: async (id) => good(await api.deleteConversation(id)).data.title,
  };
});
