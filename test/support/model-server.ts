import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { LLMock, type ContentWithToolCallsResponse } from '@copilotkit/aimock';

const DEFAULT_TEXT = 'Hello from the model.';

/** A scripted answer to one request; every property is optional. */
export interface ScriptedReply {
  /** The text, a piece each; default one piece, "Hello from the model." */
  readonly chunks?: readonly string[];
  /** The pause before each piece, in milliseconds. */
  readonly delayMs?: number;
  /** The total of tokens that the server reports; default its own estimate, null for no report. */
  readonly usage?: number | null;
  /** Default `stop`; null ends the stream properly but without one. */
  readonly finishReason?: string | null;
  /** Breaks the connection after so many pieces. */
  readonly cutAfter?: number;
  /** Goes silent after so many pieces, until the client hangs up. */
  readonly stallAfter?: number;
  /** Pauses after so many pieces, until the promise settles or the client hangs up. */
  readonly hold?: { readonly after: number; readonly until: Promise<unknown> };
  /** Sends this as the event stream instead, byte for byte. */
  readonly raw?: string;
  /** Answers an error instead. */
  readonly error?: {
    readonly status: number;
    readonly message?: string;
    readonly code?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
}

interface RecordedRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  /** The limit on tokens, under either of its names. */
  readonly maxTokens: unknown;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
  /** Resolves when the answer has ended: true when the client hung up before its end. */
  readonly abortedByClient: Promise<boolean>;
}

export interface ModelServer {
  /** For `OPENAI_BASE_URL`. */
  readonly url: string;
  /** Requests in order of arrival. */
  readonly requests: readonly RecordedRequest[];
  /** Scripts the next answers, one a request. Requests without a script get the default text in a few pieces. */
  reply(...replies: readonly (string | ScriptedReply)[]): void;
  /** Resolves with the request of this index, counted from 0, once it has come. */
  request(index: number): Promise<RecordedRequest>;
  /** Aborts running answers. */
  hangUp(): void;
  close(): Promise<void>;
}

type Answer = Required<Pick<ScriptedReply, 'chunks' | 'delayMs'>> & ScriptedReply;

/**
 * A chat completions server on a real socket. `@copilotkit/aimock` gives the regular answers, so that the client is tested
 * against an implementation of the API that is not ours; faults are written to the socket here.
 */
export async function startModelServer(): Promise<ModelServer> {
  const mock = new LLMock({ port: 0, logLevel: 'silent' });
  const script: ScriptedReply[] = [];
  const requests: RecordedRequest[] = [];
  const arrivals = new EventEmitter();
  const open = new Set<ServerResponse>();

  const record = (body: Readonly<Record<string, unknown>>, request: IncomingMessage, response: ServerResponse) => {
    requests.push(recordOf(body, request, response));
    arrivals.emit('request');
  };

  mock.mount('/v1/chat/completions', {
    handleRequest: async (request, response) => {
      open.add(response);
      response.once('close', () => open.delete(response));
      const answer = { chunks: DEFAULT_TEXT.split(/(?<= )/), delayMs: 0, ...script.shift() };
      if (isSound(answer)) {
        // The mock looks up its answer by this header, as if the client had sent it.
        const context = randomUUID();
        request.headers['x-aimock-context'] = context;
        const respond = (body: object) => {
          record({ ...body }, request, response);
          return soundAnswer(answer);
        };
        mock.on({ context }, respond, { latency: answer.delayMs, chunkSize: Number.MAX_SAFE_INTEGER });
        return false;
      }
      record(JSON.parse(await readText(request)) as Record<string, unknown>, request, response);
      await answerByHand(response, answer);
      return true;
    },
  });
  await mock.start();

  const hangUp = () => {
    for (const response of open) response.destroy();
  };

  return {
    url: `${mock.url}/v1`,
    requests,
    reply: (...replies) => {
      script.push(...replies.map((reply) => (typeof reply === 'string' ? { chunks: [reply] } : reply)));
    },
    request: async (index) => {
      for (;;) {
        const recorded = requests[index];
        if (recorded !== undefined) return recorded;
        await once(arrivals, 'request');
      }
    },
    hangUp,
    close: async () => {
      hangUp();
      await mock.stop();
    },
  };
}

function recordOf(
  body: Readonly<Record<string, unknown>>,
  request: IncomingMessage,
  response: ServerResponse,
): RecordedRequest {
  return {
    model: String(body['model']),
    messages: Array.isArray(body['messages']) ? body['messages'] : [],
    maxTokens: body['max_completion_tokens'] ?? body['max_tokens'],
    body,
    headers: request.headers,
    abortedByClient: new Promise((resolve) => {
      // A response that this server cut or ended itself is marked so before it closes.
      response.once('close', () => resolve(!response.writableEnded && !cutHere.has(response)));
    }),
  };
}

/** Responses whose connection was broken on purpose. */
const cutHere = new WeakSet<ServerResponse>();

function isSound({ usage, finishReason, cutAfter, stallAfter, hold, raw, error }: ScriptedReply): boolean {
  const byHand = [cutAfter, stallAfter, hold, raw, error];
  return usage !== null && finishReason !== null && byHand.every((part) => part === undefined);
}

function soundAnswer({ chunks, usage, finishReason }: Answer): ContentWithToolCallsResponse {
  return {
    blocks: chunks.map((text) => ({ type: 'text', text })),
    finishReason: finishReason ?? 'stop',
    ...(usage == null ? {} : { usage: { prompt_tokens: usage, completion_tokens: 0, total_tokens: usage } }),
  };
}

async function answerByHand(response: ServerResponse, answer: Answer): Promise<void> {
  const { error, raw } = answer;
  if (error !== undefined) {
    const { status, message = 'Scripted error', code = null, headers } = error;
    response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_scripted', ...headers });
    response.end(JSON.stringify({ error: { message, type: null, param: null, code } }));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (raw === undefined) await writeChunks(response, answer);
  else response.end(raw);
}

async function writeChunks(response: ServerResponse, answer: Answer): Promise<void> {
  const { chunks, delayMs, usage, finishReason = 'stop', cutAfter, stallAfter, hold } = answer;
  const send = (part: object) =>
    response.write(`data: ${JSON.stringify({ object: 'chat.completion.chunk', ...part })}\n\n`);
  const choice = (delta: object, finish: string | null = null) => ({
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  response.flushHeaders();
  for (const [index, text] of [...chunks, null].entries()) {
    if (index === stallAfter) {
      await once(response, 'close');
      return;
    }
    if (index === cutAfter) {
      cut(response);
      return;
    }
    if (index === hold?.after) await Promise.race([hold.until, once(response, 'close')]);
    if (text === null) break;
    if (delayMs > 0) await sleep(delayMs);
    send(choice({ content: text }));
  }
  if (finishReason !== null) send(choice({}, finishReason));
  if (typeof usage === 'number') send({ choices: [], usage: { total_tokens: usage } });
  response.end('data: [DONE]\n\n');
}

/** Resets the connection after flushing what was written. */
function cut(response: ServerResponse): void {
  cutHere.add(response);
  response.write(': cut\n\n', () => response.destroy());
}
