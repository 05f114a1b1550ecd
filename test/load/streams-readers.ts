// A process of the program `streams`: readers of answers over any door, which look for nothing but the times in them.
import { Agent, request } from 'node:http';
import WebSocket from 'ws';

/** `relay` is asked as the service asks its model; `bare` is a loop of writes (streams-bare.ts). */
export type Door = 'rest' | 'sse' | 'websocket' | 'relay' | 'bare';

interface Target {
  readonly door: Door;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export type ReadersTask = Target &
  (
    | {
        /** Asks in each conversation, a few lanes at once; null asks without a conversation. */
        readonly what: 'first';
        readonly conversations: readonly (string | null)[];
        readonly lanes: number;
        readonly events: number;
      }
    | {
        /** Asks once in each conversation, opens so many readers of each answer, and leaves them open. */
        readonly what: 'open';
        readonly conversations: readonly string[];
        readonly readers: number;
      }
    | { readonly what: 'measure'; readonly seconds: number }
    /** Waits until every stream that was opened has ended. */
    | { readonly what: 'leave' }
  );

export interface StreamsRead {
  /** How long ago the model wrote what arrived, in milliseconds: of each event, or of each first one. */
  readonly lags: readonly number[];
  /** Milliseconds from the request to the first text. */
  readonly firsts: readonly number[];
  /** Requests that were refused and sent again. */
  readonly refusals?: number;
  /** Characters that came, of events and what frames them, without what HTTP or WebSocket adds. */
  readonly characters?: number;
}

export interface ReadersMessage {
  readonly read: StreamsRead;
}

/** As the model's clock. */
const now = () => Number(process.hrtime.bigint()) / 1e6;
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const FOR_EVER = 100_000;
/** Answers that are asked for at a time: each waits for its first text. */
const OPENING_LANES = 40;
const EVENTS = '__typename ... on ReplyDelta { sequence text } ... on ReplyCompleted { sequence }';
const CHAT = `subscription ($input: ChatInput!) { chat(input: $input) { ${EVENTS} } }`;
const REPLY = `subscription ($messageId: ID!) { reply(messageId: $messageId) { ${EVENTS} } }`;

/** Calls back with the time of each piece in what comes. */
function watch(onTime: (writtenAt: number) => void): (piece: string) => void {
  let rest = '';
  return (piece) => {
    characters += piece.length;
    // The whole text, which the last event of an answer repeats.
    if (piece.includes('"response"')) return;
    const text = rest + piece;
    for (const [, time] of text.matchAll(/@([\d.]+);/g)) onTime(Number(time));
    const open = text.lastIndexOf('@');
    rest = open >= 0 && !text.includes(';', open) ? text.slice(open) : '';
  };
}

interface Asked {
  /** REST's path, and its body if it is a POST. */
  readonly path: string;
  readonly body?: object;
  readonly query: string;
  readonly variables: object;
}

const chat = (conversationId: string | null, events: number): Asked => {
  const message = `${events} pieces`;
  return {
    path: '/chat/stream',
    body: { message, ...(conversationId !== null && { conversation_id: conversationId }) },
    query: CHAT,
    variables: { input: { message, conversationId } },
  };
};

const follow = (messageId: string): Asked => ({
  path: `/messages/${messageId}/stream`,
  query: REPLY,
  variables: { messageId },
});

/** Resolves when the stream has ended. */
function open({ door, url, headers }: Target, asked: Asked, onTime: (writtenAt: number) => void): Promise<void> {
  if (door === 'websocket') return openSocket(url, headers, asked, onTime);
  const { path, body, query, variables } = asked;
  const isGet = door === 'bare' || (door === 'rest' && body === undefined);
  const sent = {
    bare: undefined,
    rest: body,
    sse: { query, variables },
    relay: { messages: [{ role: 'user', content: (body as { message?: string } | undefined)?.message }] },
  }[door];
  const address = {
    bare: url + path,
    rest: `${url}/api/v1${path}`,
    sse: `${url}/graphql`,
    relay: `${url}/chat/completions`,
  }[door];
  return new Promise((resolve, reject) => {
    const options = {
      method: isGet ? 'GET' : 'POST',
      agent,
      headers: { ...headers, accept: 'text/event-stream', ...(!isGet && { 'content-type': 'application/json' }) },
    };
    request(address, options, (response) => {
      response.setEncoding('utf8').on('data', watch(onTime)).once('end', resolve).once('error', reject);
      if (response.statusCode !== 200) reject(new Error(`${address}: ${response.statusCode}`));
    })
      .once('error', reject)
      .end(isGet ? undefined : JSON.stringify(sent));
  });
}

const sockets: WebSocket[] = [];

/** A socket each for readers that stay; those that ask in turn use one that is open already, as a page does. */
async function openSocket(
  url: string,
  { authorization }: Target['headers'],
  { query, variables }: Asked,
  onTime: (writtenAt: number) => void,
): Promise<void> {
  const socket = sockets.pop() ?? (await connect(url, authorization));
  await new Promise<void>((resolve, reject) => {
    const look = watch(onTime);
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      if (text.includes('"type":"error"') || text.includes('"errors"')) reject(new Error(text));
      else if (text.includes('"type":"complete"')) resolve();
      else look(text);
    });
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables } }));
  });
  socket.removeAllListeners('message');
  sockets.push(socket);
}

function connect(url: string, authorization: string | undefined): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => {
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
    });
    socket.once('message', () => {
      resolve(socket);
    });
  });
}

async function inLanes<Item>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const lane = async (_: unknown, index: number) => {
    // Not all at once: people are not either.
    await new Promise((resolve) => setTimeout(resolve, (index * 1000) / lanes));
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

let measured: number[] = [];
let characters = 0;
let refusals = 0;
const running = new Set<Promise<void>>();

async function run(task: ReadersTask): Promise<StreamsRead> {
  if (task.what === 'measure') {
    measured = [];
    characters = 0;
    await new Promise((resolve) => setTimeout(resolve, task.seconds * 1000));
    return { lags: measured, firsts: [], refusals, characters };
  }
  if (task.what === 'leave') {
    await Promise.all(running);
    return { lags: [], firsts: [] };
  }
  if (task.what === 'open') {
    const { conversations, readers } = task;
    await inLanes(conversations, OPENING_LANES, async (conversationId) => {
      const asked = await askedIn(task, conversationId, readers);
      await Promise.all(
        Array.from({ length: readers }, () => {
          return new Promise<void>((resolve) => {
            const begin = () => {
              const stream = open(task, asked, (writtenAt) => {
                resolve();
                measured.push(now() - writtenAt);
              })
                .catch(() => {
                  // The service refuses streams while it has too much to do, and asks to come again.
                  refusals += 1;
                  setTimeout(begin, 500);
                })
                .finally(() => running.delete(stream));
              running.add(stream);
            };
            begin();
          });
        }),
      );
    });
    return { lags: [], firsts: [] };
  }
  const lags: number[] = [];
  const firsts: number[] = [];
  await inLanes(task.conversations, task.lanes, async (conversationId) => {
    const askedAt = now();
    let isFirst = true;
    await open(task, chat(conversationId, task.events), (writtenAt) => {
      if (!isFirst) return;
      isFirst = false;
      lags.push(now() - writtenAt);
      firsts.push(now() - askedAt);
    });
  });
  return { lags, firsts };
}

/** What each reader of a conversation's reply asks for. @param name of the conversation, or of what a bare loop writes */
async function askedIn(target: Target, name: string, readers: number): Promise<Asked> {
  if (target.door === 'bare') return { path: `/${name}`, query: '', variables: {} };
  return readers === 1 ? chat(name, FOR_EVER) : follow(await ask(target, name));
}

/** @returns the id of the reply, which the model has begun */
async function ask({ url, headers }: Target, conversationId: string): Promise<string> {
  const query = `mutation ($input: CreateMessageInput!) { createMessage(input: $input) { reply { id } } }`;
  const input = { conversationId, content: { text: `${FOR_EVER} pieces` }, messageType: 'user', invokeLlm: true };
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const answer = (await response.json()) as { data: { createMessage: { reply: { id: string } } } };
  return answer.data.createMessage.reply.id;
}

process.on('message', (task: ReadersTask) => {
  run(task).then(
    (read) => process.send?.({ read } satisfies ReadersMessage),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send?.('ready');
process.once('disconnect', () => process.exit());
