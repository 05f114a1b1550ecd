import * as api from '../generated/hey-api';
import { client } from '../generated/hey-api/client.gen';
import { play, there, type StreamEvent } from '../scenario/scenario';
import { leave } from './streams';

void play((serviceUrl) => {
  let token: string | undefined;
  client.setConfig({ baseUrl: `${serviceUrl}/api/v1`, auth: () => token });
  /**
   * The document gives events the type of a text; the client reads the JSON in them. By default, it would ask the question again
   * when a connection breaks.
   */
  const stream = async (body: { message: string; conversation_id?: string }, signal?: AbortSignal) => {
    const answer = await api.streamChat({ body, signal: signal ?? null, sseMaxRetryAttempts: 1 });
    return answer.stream as AsyncIterable<unknown> as AsyncIterable<StreamEvent>;
  };
  return {
    async signUp(email, password) {
      const { data, error } = await api.createUser({ body: { provider: 'email', email, password } });
      return there(data, error).data.email ?? '';
    },
    async login(email, password) {
      const { data, error } = await api.login({ body: { email, password } });
      token = there(data, error).data.access_token;
    },
    async failToLogIn(email) {
      const { data, error } = await api.login({ body: { email, password: 'wrong' } });
      const { code, message } = there(error, data);
      return { code, message };
    },
    async changePlan(plan) {
      const { data, error } = await api.changePlan({ query: { plan } });
      return there(data, error).data.detail;
    },
    async upload(file) {
      const { data, error } = await api.uploadFile({ body: { file } });
      return there(data, error).data;
    },
    async createConversation(title) {
      const { data, error } = await api.createConversation({ body: { title } });
      return there(data, error).data.conversation_id;
    },
    async ask(conversation_id, message) {
      const { data, error } = await api.chat({ body: { conversation_id, message } });
      return there(data, error).data.response;
    },
    async stream(conversation_id, message) {
      return { events: await stream({ conversation_id, message }) };
    },
    async resume(message_id, after) {
      const answer = await api.streamReply({ path: { message_id }, query: { after } });
      return answer.stream as AsyncIterable<unknown> as AsyncIterable<StreamEvent>;
    },
    stop: (_, message) => leave((signal) => stream({ message }, signal)),
    async messages(conversation_id) {
      const { data, error } = await api.listMessages({ path: { conversation_id } });
      return there(data, error).data.map(({ message_id, message_type, status, content }) => ({
        ...{ id: message_id, type: message_type, status },
        text: String(content['text']),
      }));
    },
    async deleteConversation(conversation_id) {
      const { data, error } = await api.deleteConversation({ path: { conversation_id } });
      return there(data, error).data.title;
    },
  };
});
