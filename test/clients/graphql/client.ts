import { same, there, type Client, type StreamEvent } from '../scenario/scenario';
import * as documents from './documents';

export type Variables = Readonly<Record<string, unknown>>;

/** What a library does with a document. */
export interface Library {
  mutate<Data>(document: string, variables: Variables): Promise<Data>;
  /** Every message, read page by page into the library's cache. */
  messages(conversationId: string): Promise<documents.Messages>;
  /** The results until the connection breaks. */
  subscribe<Data>(document: string, variables: Variables): AsyncIterable<Data>;
  /** Code and message of the error that the library gives. */
  errorIn(error: unknown): { readonly code: string; readonly message: string };
  authorize(token: string): void;
  close(): Promise<void> | void;
}

export function clientOf(library: Library): Client {
  const { mutate } = library;
  const ask = async (conversationId: string, text: string) => {
    const input = { conversationId, content: { text }, messageType: 'user', invokeLlm: true };
    return there((await mutate<documents.Asked>(documents.ASK, { input })).createMessage.reply).id;
  };
  async function* follow(id: string, after: number): AsyncGenerator<StreamEvent> {
    for await (const { reply } of library.subscribe<documents.Followed>(documents.REPLY, { id, after })) yield reply;
  }
  return {
    async signUp(email, password) {
      const input = { provider: 'email', email, password };
      return (await mutate<documents.SignedUp>(documents.SIGN_UP, { input })).createUser.email ?? '';
    },
    async failToLogIn(email) {
      try {
        await mutate(documents.LOG_IN, { input: { email, password: 'wrong' } });
      } catch (error) {
        return library.errorIn(error);
      }
      throw new Error('A wrong password logs in');
    },
    async login(email, password) {
      const { login } = await mutate<documents.LoggedIn>(documents.LOG_IN, { input: { email, password } });
      library.authorize(login.accessToken);
    },
    changePlan: async (plan) =>
      (await mutate<documents.ChangedPlan>(documents.CHANGE_PLAN, { plan })).changePlan.plan.id,
    upload: async (file) => {
      const { url, filename } = (await mutate<documents.Uploaded>(documents.UPLOAD, { file })).uploadFile;
      return { url, filename };
    },
    createConversation: async (title) =>
      (await mutate<documents.Begun>(documents.CREATE_CONVERSATION, { input: { title } })).createConversation.id,
    ask: async (conversationId, message) =>
      (await mutate<documents.Chatted>(documents.CHAT, { input: { conversationId, message } })).chat.response,
    async stream(conversationId, question) {
      const id = await ask(conversationId, question);
      return { id, events: follow(id, 0) };
    },
    resume: (id, after) => Promise.resolve(follow(id, after)),
    async stop(conversationId, question) {
      const id = await ask(conversationId, question);
      return stopped(
        follow(id, 0),
        async () => (await mutate<documents.Stopped>(documents.STOP, { id })).stopReply.status,
      );
    },
    async messages(conversationId) {
      const { edges } = (await library.messages(conversationId)).messages;
      return edges.map(({ node: { id, messageType, status, text } }) => ({
        id,
        type: messageType,
        status,
        text: text ?? '',
      }));
    },
    deleteConversation: async (id) =>
      (await mutate<documents.Deleted>(documents.DELETE_CONVERSATION, { id })).deleteConversation.title,
    close: () => library.close(),
  };
}

/** Stops a reply when some of it has come, and reads to its end. @returns the text that came */
export async function stopped(events: AsyncIterable<StreamEvent>, stop: () => Promise<string>): Promise<string> {
  let text = '';
  let last: StreamEvent | undefined;
  for await (const event of events) {
    if (event.text !== undefined && text === '') same(await stop(), 'PARTIAL', 'the status of a stopped reply');
    text += event.text ?? '';
    last = event;
  }
  same(last?.code, 'STOPPED', 'the end of a stopped reply');
  return text;
}

/** Values that are pushed, to be read in their order. */
export class Queue<Value> implements AsyncIterable<Value> {
  private readonly values: Value[] = [];
  private end: { readonly error?: unknown } | undefined;
  private wake: () => void = () => undefined;

  readonly next = (value: Value): void => {
    this.values.push(value);
    this.wake();
  };
  readonly error = (error: unknown): void => {
    this.end ??= { error };
    this.wake();
  };
  readonly complete = (): void => {
    this.end ??= {};
    this.wake();
  };

  async *[Symbol.asyncIterator](): AsyncGenerator<Value> {
    for (;;) {
      while (this.values.length > 0) yield this.values.shift() as Value;
      if (this.end !== undefined) {
        if ('error' in this.end) throw this.end.error;
        return;
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
