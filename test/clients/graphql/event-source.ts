// The package `eventsource`, with a ticket in place of a header; it connects again by itself. The rest is fetch.
import { EventSource } from 'eventsource';
import { play, same, there, type StreamEvent } from '../scenario/scenario';
import { clientOf, Queue, stopped, type Variables } from './client';
import {
  ASK,
  MESSAGES,
  PAGE_SIZE,
  STOP,
  TICKET,
  type Asked,
  type Messages,
  type Stopped,
  type Ticket,
} from './documents';

class Refused extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

void play((serviceUrl) => {
  const { hostname, port } = new URL(serviceUrl);
  const headers: Record<string, string> = {};

  async function send<Data>(query: string, variables: Variables): Promise<Data> {
    const response = await fetch(`${serviceUrl}/graphql`, {
      method: 'POST',
      headers: { ...headers, ...('file' in variables ? {} : { 'content-type': 'application/json' }) },
      body: 'file' in variables ? formOf(query, variables) : JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as {
      readonly data?: Data;
      readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
    };
    const [first] = errors ?? [];
    if (first !== undefined) throw new Refused(first.message, first.extensions.code);
    return there(data);
  }

  async function follow(messageId: string): Promise<AsyncIterable<StreamEvent>> {
    const { createStreamTicket } = await send<Ticket>(TICKET, { id: messageId });
    // Its address is that of the service; the scenario breaks connections on the way there.
    const address = Object.assign(new URL(createStreamTicket.url), { hostname, port });
    const queue = new Queue<StreamEvent>();
    const source = new EventSource(address);
    for (const type of ['delta', 'completed', 'failed']) {
      source.addEventListener(type, ({ data, lastEventId }) => {
        const event = JSON.parse(String(data)) as StreamEvent;
        same(lastEventId, String(event.sequence), 'the id of an event');
        queue.next(event);
      });
    }
    // After the end, it connects once more and is told that there is nothing more.
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) queue.complete();
    });
    return queue;
  }

  const ask = async (conversationId: string, text: string) => {
    const input = { conversationId, content: { text }, messageType: 'user', invokeLlm: true };
    return there((await send<Asked>(ASK, { input })).createMessage.reply).id;
  };
  const { resume: _, ...client } = clientOf({
    mutate: send,
    async messages(conversationId) {
      const edges: Messages['messages']['edges'][number][] = [];
      for (let after: string | null = null; ;) {
        const { messages }: Messages = await send<Messages>(MESSAGES, { conversationId, first: PAGE_SIZE, after });
        edges.push(...messages.edges);
        if (!messages.pageInfo.hasNextPage) return { messages: { ...messages, edges } };
        after = messages.pageInfo.endCursor;
      }
    },
    subscribe() {
      throw new Error('A stream is followed by its ticket');
    },
    errorIn(error) {
      if (!(error instanceof Refused)) throw error;
      return { code: error.code, message: error.message };
    },
    authorize(token) {
      headers['authorization'] = `Bearer ${token}`;
    },
    close: () => undefined,
  });
  return {
    ...client,
    async stream(conversationId, question) {
      const id = await ask(conversationId, question);
      return { id, events: await follow(id) };
    },
    async stop(conversationId, question) {
      const id = await ask(conversationId, question);
      return stopped(await follow(id), async () => (await send<Stopped>(STOP, { id })).stopReply.status);
    },
  };
});

/** https://github.com/jaydenseric/graphql-multipart-request-spec */
function formOf(query: string, { file, ...variables }: Variables): FormData {
  const form = new FormData();
  form.set('operations', JSON.stringify({ query, variables: { ...variables, file: null } }));
  form.set('map', JSON.stringify({ 0: ['variables.file'] }));
  form.set('0', file as File);
  return form;
}
