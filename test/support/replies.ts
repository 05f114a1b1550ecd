import type { Actor } from './actor.js';
import { collect } from './actor.js';

/** A streaming door, by the name of the actor's method. */
export type StreamingDoor = 'webSocket' | 'eventStream';
export const streamingDoors: readonly StreamingDoor[] = ['webSocket', 'eventStream'];

export type MessageStatus = 'COMPLETE' | 'STREAMING' | 'PARTIAL' | 'FAILED';

export interface StoredMessage {
  readonly id: string;
  readonly status: MessageStatus;
  readonly text: string | null;
}

export type ReplyEvent =
  | { readonly __typename: 'ReplyDelta' | 'ReplyReasoning'; readonly sequence: number; readonly text: string }
  | {
      readonly __typename: 'ReplyToolCall';
      readonly sequence: number;
      readonly id: string;
      readonly name: string;
      readonly arguments: string;
      readonly server: string | null;
    }
  | {
      readonly __typename: 'ReplyToolResult';
      readonly sequence: number;
      readonly callId: string;
      readonly output: string | null;
      readonly error: string | null;
    }
  | {
      readonly __typename: 'ReplyCompleted';
      readonly sequence: number;
      readonly response: string;
      readonly tokens: number;
      readonly message: StoredMessage | null;
    }
  | {
      readonly __typename: 'ReplyFailed';
      readonly sequence: number;
      readonly code: string;
      readonly reason: string;
      readonly partial: string;
      readonly message: StoredMessage | null;
    };

/** Plans with limits that no suite reaches. */
export const ROOMY_PLANS = JSON.stringify({
  free: {
    price: 0,
    daily_messages: 100_000,
    daily_tokens: 100_000_000,
    max_conversations: 10_000,
    max_file_uploads: 0,
  },
});

const EVENT = `__typename
  ... on ReplyDelta { sequence text }
  ... on ReplyReasoning { sequence text }
  ... on ReplyToolCall { sequence id name arguments server }
  ... on ReplyToolResult { sequence callId output error }
  ... on ReplyCompleted { sequence response tokens message { id status text } }
  ... on ReplyFailed { sequence code reason partial message { id status text } }`;

export const REPLY = `subscription ($id: ID!, $after: Int) { reply(messageId: $id, after: $after) { ${EVENT} } }`;
export const CHAT_EVENTS = `subscription ($input: ChatInput!) { chat(input: $input) { ${EVENT} } }`;
export const CHAT = `mutation ($input: ChatInput!) { chat(input: $input) { response tokens message { id status text } } }`;
export const CREATE_MESSAGE = `mutation ($input: CreateMessageInput!) {
  createMessage(input: $input) { message { id } reply { id status text } }
}`;

export const CHANGE_PLAN = 'mutation ($plan: ID!) { changePlan(plan: $plan) { changed plan { name } } }';

/** Sends a question. @returns the id of its reply */
export async function askModel(actor: Actor, conversationId: string, question = 'Why?'): Promise<string> {
  const { createMessage } = await actor.ask<{ createMessage: { reply: StoredMessage } }>(CREATE_MESSAGE, {
    input: { conversationId, content: { text: question }, messageType: 'user', invokeLlm: true },
  });
  return createMessage.reply.id;
}

/** @returns the events of a subscription. @throws when it reports an error */
export async function* eventsOf<Event>(
  field: string,
  results: AsyncIterable<{
    readonly data?: Readonly<Record<string, Event>> | null;
    readonly errors?: readonly unknown[];
  }>,
): AsyncGenerator<Event, void, undefined> {
  for await (const { data, errors } of results) {
    const event = data?.[field];
    if (event === undefined) throw new Error(JSON.stringify(errors));
    yield event;
  }
}

export function followReply(
  actor: Actor,
  door: StreamingDoor,
  id: string,
  after?: number,
): AsyncGenerator<ReplyEvent, void, undefined> {
  return eventsOf('reply', actor[door]<Record<string, ReplyEvent>>(REPLY, { id, after }));
}

export function readReply(actor: Actor, door: StreamingDoor, id: string, after?: number): Promise<ReplyEvent[]> {
  return collect(followReply(actor, door, id, after));
}

/** The text of all deltas, or of all events of another type that have one. */
export function textIn(events: readonly ReplyEvent[], type: 'ReplyDelta' | 'ReplyReasoning' = 'ReplyDelta'): string {
  return events.map((event) => (event.__typename === type ? event.text : '')).join('');
}

export async function storedMessage(actor: Actor, id: string): Promise<StoredMessage> {
  const { message } = await actor.ask<{ message: StoredMessage }>(
    'query ($id: ID!) { message(id: $id) { id status text } }',
    { id },
  );
  return message;
}

export interface Usage {
  readonly today: { readonly messageCount: number; readonly tokenCount: number };
  /** Newest first. */
  readonly ledger: readonly {
    readonly kind: string;
    readonly reservedTokens: number;
    readonly tokens: number | null;
    readonly source: string | null;
    readonly messageId: string | null;
    readonly settledAt: string | null;
  }[];
}

export async function usageOf(actor: Actor): Promise<Usage> {
  const { usage, usageLedger } = await actor.ask<{
    usage: Usage['today'][];
    usageLedger: { nodes: Usage['ledger'] };
  }>(`{
    usage { messageCount tokenCount }
    usageLedger(first: 100) { nodes { kind reservedTokens tokens source messageId settledAt } }
  }`);
  return { today: usage[0] ?? { messageCount: 0, tokenCount: 0 }, ledger: usageLedger.nodes };
}
