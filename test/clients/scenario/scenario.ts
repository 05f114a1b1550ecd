// The scenario of every TypeScript client: what it does with the service, and what it prints for the test to compare.
// The model says `Hello.`, then a longer text, in the middle of which it waits for the cut, and then one that it does not end.

export interface StreamEvent {
  readonly sequence: number;
  readonly text?: string;
  /** Given by the last event of an answer that is complete. */
  readonly response?: string;
  /** Given by the last event of an answer that is not. */
  readonly code?: string;
}

export interface Stored {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly text: string;
}

/** What the scenario does, each by the functions of the client that is tried. */
export interface Client {
  signUp(email: string, password: string): Promise<string>;
  /** A login that is refused: code and message of the error. */
  failToLogIn(email: string): Promise<{ readonly code: number | string; readonly message: string }>;
  /** Uses the token from then on. */
  login(email: string, password: string): Promise<void>;
  /** What the service says of it. */
  changePlan(plan: string): Promise<string>;
  upload(file: File): Promise<{ readonly url: string; readonly filename: string }>;
  createConversation(title: string): Promise<string>;
  ask(conversationId: string, question: string): Promise<string>;
  /** Asks. The events end, or fail, when the connection does. The id of the reply, unless only the list of messages has it. */
  stream(
    conversationId: string,
    question: string,
  ): Promise<{ readonly id?: string; readonly events: AsyncIterable<StreamEvent> }>;
  /** The events after that one, on a new connection; undefined for a client that connects again by itself. */
  readonly resume?: (messageId: string, after: number) => Promise<AsyncIterable<StreamEvent>>;
  /** Asks, and stops the answer when some of it has come. The text that came. */
  stop(conversationId: string, question: string): Promise<string>;
  messages(conversationId: string): Promise<readonly Stored[]>;
  deleteConversation(conversationId: string): Promise<string | null>;
  close?(): Promise<void> | void;
}

const { SERVICE_URL = '', STAGE_URL = '', EMAIL = '' } = process.env;
const PASSWORD = 'correct horse battery staple';
/** What the model says before it waits. */
const BEFORE_CUT = 'Try Madeira ';

export async function play(make: (serviceUrl: string) => Client): Promise<void> {
  const client = make(SERVICE_URL);
  const email = await client.signUp(EMAIL, PASSWORD);
  const refused = await client.failToLogIn(EMAIL);
  await client.login(EMAIL, PASSWORD);
  const plan = await client.changePlan('pro');
  const { url, filename } = await client.upload(new File(['what it says'], 'notes.txt', { type: 'text/plain' }));
  const fileText = await (await fetch(url)).text();
  const conversationId = await client.createConversation('Holiday plans');
  const answer = await client.ask(conversationId, 'Hello?');
  const streamed = await streamWithCut(client, conversationId);
  const stopped = await client.stop(conversationId, 'And then?');
  const messages = await client.messages(conversationId);
  same(messages[3]?.text, streamed, 'the stored answer');
  const read = messages.map(({ type, status, text }) => [type, status.toLowerCase(), text]);
  const deleted = await client.deleteConversation(conversationId);
  await client.close?.();
  console.log(
    JSON.stringify({ email, refused, plan, filename, fileText, answer, streamed, stopped, messages: read, deleted }),
  );
}

/** Follows an answer over a connection that breaks, and over another one to its end. Its text. */
async function streamWithCut(client: Client, conversationId: string): Promise<string> {
  const seen: StreamEvent[] = [];
  let isCut = false;
  const follow = async (events: AsyncIterable<StreamEvent>) => {
    for await (const event of events) {
      seen.push(event);
      if (isCut || textOf(seen) !== BEFORE_CUT) continue;
      isCut = true;
      await cut();
    }
  };
  const stream = await client.stream(conversationId, 'Where is it warm in March?');
  try {
    await follow(stream.events);
  } catch (error) {
    if (!isCut) throw error;
  }
  same(isCut, true, 'the cut');
  if (client.resume !== undefined) {
    same(seen.at(-1)?.response, undefined, 'the end before the cut');
    const id = stream.id ?? (await client.messages(conversationId)).at(-1)?.id ?? '';
    await follow(await client.resume(id, seen.at(-1)?.sequence ?? 0));
  }
  const sequences = seen.map(({ sequence }) => sequence);
  same(sequences.join(), sequences.map((_, index) => index + 1).join(), 'the numbers of the events');
  same(seen.at(-1)?.response, textOf(seen), 'the whole answer');
  return textOf(seen);
}

/** Breaks every connection with the service; then the model goes on. */
async function cut(): Promise<void> {
  await fetch(`${STAGE_URL}/cut`, { method: 'POST' });
}

function textOf(events: readonly StreamEvent[]): string {
  return events.map(({ text = '' }) => text).join('');
}

/** @throws unless the values are the same */
export function same(value: unknown, expected: unknown, what: string): void {
  if (value !== expected) throw new Error(`${what}: ${JSON.stringify(value)} in place of ${JSON.stringify(expected)}`);
}

/** @throws when there is none, with what there is */
export function there<Value>(value: Value | null | undefined, instead?: unknown): Value {
  if (value === undefined || value === null) throw new Error(`Nothing is there, but ${JSON.stringify(instead)}`);
  return value;
}
