import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { LLMock, type ContentWithToolCallsResponse } from '@copilotkit/aimock';
import { faultInRequest } from './openai-chat-api.js';
import { secretsInTexts } from './secrets/secrets-in.js';
import { noteSecrets } from './secrets/suite-secrets.js';

const DEFAULT_TEXT = 'Hello from the model.';

export interface ScriptedCall {
  readonly id: string;
  readonly name: string;
  /** JSON; a list is sent piece by piece. */
  readonly arguments: string | readonly string[];
}

/** A scripted answer to one request; every property is optional. */
export interface ScriptedReply {
  /** The text, a piece each; default one piece, "Hello from the model." */
  readonly chunks?: readonly string[];
  /** What the model thinks before that, a piece each; default nothing. */
  readonly reasoning?: readonly string[];
  /** The tools that it calls after that; default none. */
  readonly toolCalls?: readonly ScriptedCall[];
  /** The pause before each piece, in milliseconds. */
  readonly delayMs?: number;
  /** The total of tokens that the server reports, or its whole report; default its own estimate, null for no report. */
  readonly usage?: number | Readonly<Record<string, unknown>> | null;
  /** Default `stop`, or `tool_calls`; null ends the answer, but not the stream in it: no reason, no `[DONE]`. */
  readonly finishReason?: string | null;
  /** Breaks the connection after so many pieces, thoughts and calls included. */
  readonly cutAfter?: number;
  /** Goes silent after so many pieces, until the client hangs up. */
  readonly stallAfter?: number;
  /** Pauses after so many pieces, until the promise settles or the client hangs up. */
  readonly hold?: { readonly after: number; readonly until: Promise<unknown> };
  /** Sends this as the event stream instead, byte for byte; a list piece by piece. */
  readonly raw?: string | readonly (string | Uint8Array)[];
  /** The content type of `raw`; default `text/event-stream`. */
  readonly contentType?: string;
  /** Compresses `raw`. */
  readonly gzip?: true;
  /** Answers an error instead. */
  readonly error?: {
    readonly status: number;
    readonly message?: string;
    /** The body, in place of one with `message` and `code`. */
    readonly body?: string;
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
  /** Drops the scripted answers that nobody has asked for. */
  forget(): void;
  /** @throws when a request departed from OpenAI's description of its API; it was answered with 400 */
  close(): Promise<void>;
}

type Answer = Required<Pick<ScriptedReply, 'chunks' | 'reasoning' | 'toolCalls' | 'delayMs'>> & ScriptedReply;

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

  const faults: string[] = [];

  const record = (body: Readonly<Record<string, unknown>>, request: IncomingMessage, response: ServerResponse) => {
    requests.push(recordOf(body, request, response));
    arrivals.emit('request');
  };

  mock.mount('/v1/chat/completions', {
    handleRequest: async (request, response) => {
      open.add(response);
      response.once('close', () => open.delete(response));
      const scripted = script.shift();
      const chunks = scripted?.toolCalls === undefined ? DEFAULT_TEXT.split(/(?<= )/) : [];
      const answer = { chunks, reasoning: [], toolCalls: [], delayMs: 0, ...scripted };
      const { chunks: said, reasoning: thought } = answer;
      noteSecrets(secretsInTexts([...said, said.join(''), thought.join('')]));
      if (isSound(answer)) {
        // The mock looks up its answer by this header, as if the client had sent it.
        const context = randomUUID();
        request.headers['x-aimock-context'] = context;
        const respond = (body: object) => {
          record({ ...body }, request, response);
          // The mock adds fields of its own, which begin with an underscore.
          const fault = faultInRequest(
            Object.fromEntries(Object.entries(body).filter(([key]) => !key.startsWith('_'))),
          );
          if (fault === null) return soundAnswer(answer);
          faults.push(fault);
          return { error: { message: fault }, status: 400 };
        };
        mock.on({ context }, respond, { latency: answer.delayMs, chunkSize: Number.MAX_SAFE_INTEGER });
        return false;
      }
      const body = JSON.parse(await readText(request)) as Record<string, unknown>;
      record(body, request, response);
      const fault = faultInRequest(body);
      if (fault !== null) faults.push(fault);
      await answerByHand(response, fault === null ? answer : { ...answer, error: { status: 400, message: fault } });
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
    forget: () => {
      script.length = 0;
    },
    close: async () => {
      hangUp();
      await mock.stop();
      if (faults.length > 0) throw new Error(`requests that OpenAI does not describe so:\n${faults.join('\n')}`);
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

function isSound({
  usage,
  finishReason,
  reasoning,
  toolCalls,
  cutAfter,
  stallAfter,
  hold,
  raw,
  error,
}: Answer): boolean {
  if (reasoning.length > 1 || toolCalls.some((call) => typeof call.arguments !== 'string')) return false;
  const byHand = [cutAfter, stallAfter, hold, raw, error];
  return typeof usage !== 'object' && finishReason !== null && byHand.every((part) => part === undefined);
}

function soundAnswer({ chunks, reasoning, toolCalls, usage, finishReason }: Answer): ContentWithToolCallsResponse {
  const texts = chunks.map((text) => ({ type: 'text', text }) as const);
  const calls = toolCalls.map(
    (call) => ({ ...call, type: 'toolCall', arguments: [call.arguments].flat().join('') }) as const,
  );
  return {
    blocks: [...texts, ...calls],
    ...(reasoning.length > 0 && { reasoning: reasoning.join('') }),
    finishReason: finishReason ?? (calls.length === 0 ? 'stop' : 'tool_calls'),
    ...(typeof usage !== 'number'
      ? {}
      : { usage: { prompt_tokens: usage, completion_tokens: 0, total_tokens: usage } }),
  };
}

async function answerByHand(response: ServerResponse, answer: Answer): Promise<void> {
  const { error, raw } = answer;
  if (error !== undefined) {
    const { status, message = 'Scripted error', code = null, headers, body } = error;
    response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_scripted', ...headers });
    response.end(body ?? JSON.stringify({ error: { message, type: null, param: null, code } }));
    return;
  }
  const { contentType = 'text/event-stream', gzip } = answer;
  response.writeHead(200, { 'content-type': contentType, ...(gzip && { 'content-encoding': 'gzip' }) });
  if (raw === undefined) {
    await writeChunks(response, answer);
    return;
  }
  for (const part of typeof raw === 'string' ? [raw] : raw) {
    if (response.destroyed) return;
    response.write(gzip ? gzipSync(part) : part);
    // A packet for each: the client reads what has come before the next is sent.
    if (raw.length > 1 && typeof raw !== 'string') await nextTurn();
  }
  response.end();
}

async function writeChunks(response: ServerResponse, answer: Answer): Promise<void> {
  const { chunks, reasoning, toolCalls, delayMs, usage, cutAfter, stallAfter, hold } = answer;
  const { finishReason = toolCalls.length === 0 ? 'stop' : 'tool_calls' } = answer;
  const common = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_764_000_000, model: 'scripted' };
  const send = (part: object) => response.write(`data: ${JSON.stringify({ ...common, ...part })}\n\n`);
  const choice = (delta: object, finish: string | null = null) => ({
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  response.flushHeaders();
  const deltas = [
    ...reasoning.map((text) => ({ reasoning_content: text })),
    ...chunks.map((text) => ({ content: text })),
    ...toolCalls.flatMap((call, index) => callDeltas(call, index)),
  ];
  for (const [index, delta] of [...deltas, null].entries()) {
    if (index === stallAfter) {
      await once(response, 'close');
      return;
    }
    if (index === cutAfter) {
      cut(response);
      return;
    }
    if (index === hold?.after) await Promise.race([hold.until, once(response, 'close')]);
    if (delta === null) break;
    if (delayMs > 0) await sleep(delayMs);
    send(choice(delta));
  }
  if (finishReason !== null) send(choice({}, finishReason));
  const report =
    typeof usage === 'number' ? { prompt_tokens: usage, completion_tokens: 0, total_tokens: usage } : usage;
  if (report != null) send({ choices: [], usage: report });
  response.end(finishReason === null ? '' : 'data: [DONE]\n\n');
}

/** The name first, then the arguments piece by piece, as OpenAI sends them. */
function callDeltas({ id, name, arguments: json }: ScriptedCall, index: number): readonly object[] {
  const first = { index, id, type: 'function', function: { name, arguments: '' } };
  const rest = [json].flat().map((piece) => ({ index, function: { arguments: piece } }));
  return [first, ...rest].map((call) => ({ tool_calls: [call] }));
}

/** Resets the connection after flushing what was written. */
function cut(response: ServerResponse): void {
  cutHere.add(response);
  response.write(': cut\n\n', () => response.destroy());
}
