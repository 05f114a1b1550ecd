import * as api from '../generated/typescript-fetch';
import { play, there } from '../scenario/scenario';
import { eventsIn, leave } from './streams';

void play((serviceUrl) => {
  const basePath = `${serviceUrl}/api/v1`;
  let token = '';
  const configuration = new api.Configuration({ basePath, accessToken: () => token });
  const auth = new api.AuthApi(configuration);
  const chat = new api.ChatApi(configuration);
  const conversations = new api.ConversationsApi(configuration);
  const messages = new api.MessagesApi(configuration);
  /** The answer as it comes, since the generated function waits for its end. */
  const eventsOf = ({ raw }: { readonly raw: Response }) => eventsIn(there(raw.body));
  return {
    async signUp(email, password) {
      const createUserInput = { provider: 'email', email, password };
      return (
        (await new api.UsersApi(new api.Configuration({ basePath })).createUser({ createUserInput })).data.email ?? ''
      );
    },
    async login(email, password) {
      token = (await auth.login({ loginInput: { email, password } })).data.accessToken;
    },
    async failToLogIn(email) {
      try {
        throw new Error(JSON.stringify(await auth.login({ loginInput: { email, password: 'wrong' } })));
      } catch (error) {
        if (!(error instanceof api.ResponseError)) throw error;
        const { code, message } = api.ErrorResponseFromJSON(await error.response.json());
        return { code, message };
      }
    },
    changePlan: async (plan) => (await new api.PlansApi(configuration).changePlan({ plan })).data.detail,
    upload: async (file) => (await new api.UploadsApi(configuration).uploadFile({ file })).data,
    createConversation: async (title) =>
      (await conversations.createConversation({ createConversationInput: { title } })).data.conversationId,
    ask: async (conversationId, message) => (await chat.chat({ chatInput: { conversationId, message } })).data.response,
    stream: async (conversationId, message) => ({
      events: eventsOf(await chat.streamChatRaw({ chatInput: { conversationId, message } })),
    }),
    resume: async (messageId, after) => eventsOf(await messages.streamReplyRaw({ messageId, after })),
    stop: (_, message) =>
      leave(async (signal) => eventsOf(await chat.streamChatRaw({ chatInput: { message } }, { signal }))),
    messages: async (conversationId) =>
      (await messages.listMessages({ conversationId })).data.map(({ messageId, messageType, status, content }) => ({
        ...{ id: messageId, type: messageType, status },
        text: String(content['text']),
      })),
    deleteConversation: async (conversationId) =>
      (await conversations.deleteConversation({ conversationId })).data.title,
  };
});
