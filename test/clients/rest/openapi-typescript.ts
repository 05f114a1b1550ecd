import createClient from 'openapi-fetch';
import type { paths } from '../generated/openapi-typescript/schema';
import { play, there } from '../scenario/scenario';
import { eventsIn, leave } from './streams';

void play((serviceUrl) => {
  const baseUrl = `${serviceUrl}/api/v1`;
  let token = '';
  const api = createClient<paths>({ baseUrl });
  api.use({ onRequest: ({ request }) => void request.headers.set('authorization', `Bearer ${token}`) });
  const anyone = createClient<paths>({ baseUrl });
  const inConversation = (conversation_id: string) => ({ params: { path: { conversation_id } } });
  const stream = async (body: { message: string; conversation_id?: string }, signal: AbortSignal | null) => {
    const { data, error } = await api.POST('/chat/stream', { body, parseAs: 'stream', signal });
    return eventsIn(there(data, error));
  };
  return {
    async signUp(email, password) {
      const { data, error } = await anyone.POST('/users', { body: { provider: 'email', email, password } });
      return there(data, error).data.email ?? '';
    },
    async login(email, password) {
      const { data, error } = await anyone.POST('/auth/login', { body: { email, password } });
      token = there(data, error).data.access_token;
    },
    async failToLogIn(email) {
      const { data, error } = await anyone.POST('/auth/login', { body: { email, password: 'wrong' } });
      const { code, message } = there(error, data);
      return { code, message };
    },
    async changePlan(plan) {
      const { data, error } = await api.POST('/user/upgrade', { params: { query: { plan } } });
      return there(data, error).data.detail;
    },
    async upload(file) {
      const { data, error } = await api.POST('/uploads', {
        body: { file: '' },
        bodySerializer: () => {
          const form = new FormData();
          form.set('file', file);
          return form;
        },
      });
      return there(data, error).data;
    },
    async createConversation(title) {
      const { data, error } = await api.POST('/conversations', { body: { title } });
      return there(data, error).data.conversation_id;
    },
    async ask(conversation_id, message) {
      const { data, error } = await api.POST('/chat', { body: { conversation_id, message } });
      return there(data, error).data.response;
    },
    async stream(conversation_id, message) {
      return { events: await stream({ conversation_id, message }, null) };
    },
    async resume(message_id, after) {
      const params = { path: { message_id }, query: { after } };
      const { data, error } = await api.GET('/messages/{message_id}/stream', { params, parseAs: 'stream' });
      return eventsIn(there(data, error));
    },
    stop: (_, message) => leave((signal) => stream({ message }, signal)),
    async messages(id) {
      const { data, error } = await api.GET('/conversations/{conversation_id}/messages', inConversation(id));
      return there(data, error).data.map(({ message_id, message_type, status, content }) => ({
        ...{ id: message_id, type: message_type, status },
        text: String(content['text']),
      }));
    },
    async deleteConversation(id) {
      const { data, error } = await api.DELETE('/conversations/{conversation_id}', inConversation(id));
      return there(data, error).data.title;
    },
  };
});
