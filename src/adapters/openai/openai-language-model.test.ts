import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collect, modelRequest } from '../../../test/contracts/language-model.contract.js';
import { startModelServer, type ModelServer, type ScriptedReply } from '../../../test/support/model-server.js';
import { eventually } from '../../../test/support/eventually.js';
import { DIALECTS } from '../../../test/support/dialects.js';
import { UpstreamFailed, UpstreamResting } from '../../kernel/errors.js';
import type { ModelEvent, ModelRequest } from '../../ports/language-model.js';
import { OpenAiLanguageModel, type ModelTiming } from './openai-language-model.js';
import { FAILURE_REASONS } from './provider-failure.js';

const FAST: Partial<ModelTiming> = { retryDelayMs: 1, maxRetryAfterMs: 20 };

let server: ModelServer;
let logged: object[];
beforeEach(async () => {
  server = await startModelServer();
  logged = [];
});
afterEach(() => server.close());

function model(timing: Partial<ModelTiming> = FAST, baseUrl = server.url) {
  const log = { warn: (fields: object) => logged.push(fields) };
  return new OpenAiLanguageModel({ apiKey: 'sk-test', baseUrl, model: 'gpt-4o-mini', log, timing });
}

/** Runs a request to its end or failure. */
async function run(timing?: Partial<ModelTiming>, request: Partial<ModelRequest> = {}) {
  const events: ModelEvent[] = [];
  let failure: unknown;
  try {
    for await (const event of model(timing).stream(modelRequest(request))) events.push(event);
  } catch (error) {
    failure = error;
  }
  const textOf = (type: string) =>
    events.map((event) => ('text' in event && event.type === type ? event.text : '')).join('');
  const [text, reasoning] = [textOf('text'), textOf('reasoning')];
  return { events, text, reasoning, failure, reason: failure instanceof UpstreamFailed ? failure.reason : undefined };
}

const rawEvents = (...events: object[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
const piece = (delta: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason }],
});

describe('a sound answer', () => {
  it('is streamed piece by piece, with the tokens that the provider reports', async () => {
    server.reply({ chunks: ['One', ' two', ' three'], usage: 42 });
    expect((await run()).events).toEqual([
      { type: 'text', text: 'One' },
      { type: 'text', text: ' two' },
      { type: 'text', text: ' three' },
      {
        type: 'end',
        usage: { totalTokens: 42, promptTokens: 42, cachedTokens: null, reasoningTokens: null },
        finishReason: 'STOP',
        model: 'gpt-4o-mini',
      },
    ]);
  });

  it('asks for a stream with usage, in the words of most servers, with the key', async () => {
    await run(FAST, { maxTokens: 77 });
    const request = await server.request(0);
    expect(request.body).toMatchObject({
      model: 'gpt-4o-mini',
      messages: modelRequest().messages,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 77,
    });
    expect(request.body).not.toHaveProperty('max_completion_tokens');
    expect(request.headers.authorization).toBe('Bearer sk-test');
  });

  it.each([
    ['stop', 'STOP'],
    ['length', 'LENGTH'],
    ['max_tokens', 'LENGTH'],
    ['content_filter', 'CONTENT_FILTER'],
    ['tool_calls', 'TOOL_CALLS'],
    ['eos_token', 'OTHER'],
  ])('that ends by %s is complete, and says so as %s', async (finishReason, told) => {
    server.reply({ chunks: ['Cut short'], finishReason, usage: null });
    const { text, events } = await run();
    expect(text).toBe('Cut short');
    expect(events.at(-1)).toMatchObject({ type: 'end', finishReason: told });
  });

  it('is told with what was cached of the prompt, and what was reasoning in the answer', async () => {
    const usage = {
      prompt_tokens: 30,
      completion_tokens: 12,
      total_tokens: 42,
      prompt_tokens_details: { cached_tokens: 20, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 9 },
    };
    server.reply(
      { chunks: ['Hi'], usage },
      { chunks: ['Hi'], usage: { ...usage, prompt_tokens_details: { cached_tokens: 31 } } },
    );
    const told = { totalTokens: 42, promptTokens: 30, cachedTokens: 20, reasoningTokens: 9 };
    expect((await run()).events.at(-1)).toMatchObject({ usage: told });
    // More than there were.
    expect((await run()).events.at(-1)).toMatchObject({ usage: { ...told, cachedTokens: null } });
  });

  it('is asked for with a temperature where one is given', async () => {
    await run(FAST, { temperature: 0.5 });
    await run();
    expect((await server.request(0)).body).toMatchObject({ temperature: 0.5 });
    expect((await server.request(1)).body).not.toHaveProperty('temperature');
  });

  it.each<[string, ScriptedReply]>([
    ['none', { chunks: ['Hi'], usage: null }],
    [
      'zero',
      {
        chunks: ['Hi'],
        finishReason: 'stop',
        usage: null,
        raw: rawEvents(piece({ content: 'Hi' }), { ...piece({}, 'stop'), usage: { total_tokens: 0 } }),
      },
    ],
  ])('with %s for usage has no total', async (_, reply) => {
    server.reply(reply);
    expect((await run()).events).toMatchObject([
      { type: 'text', text: 'Hi' },
      { type: 'end', usage: null, finishReason: 'STOP' },
    ]);
  });

  it('needs no [DONE] after the finish reason', async () => {
    server.reply({ raw: rawEvents(piece({ content: 'Whole' }), piece({}, 'stop')) });
    expect((await run()).events.at(-1)?.type).toBe('end');
  });

  it('stands when the connection stalls before the usage came', async () => {
    const stalling = createServer((socket) => {
      socket.once('data', () => {
        const body = rawEvents(piece({ content: 'Whole' }), piece({}, 'stop'));
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${body}`);
      });
    }).listen(0, '127.0.0.1');
    await once(stalling, 'listening');
    const address = stalling.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const baseUrl = `http://127.0.0.1:${String(port)}/v1`;
    const events = await collect(model({ usageMs: 20 }, baseUrl).stream(modelRequest()));
    expect(events).toEqual([
      { type: 'text', text: 'Whole' },
      { type: 'end', usage: null, finishReason: 'STOP' },
    ]);
    stalling.close();
  });

  it('takes a refusal for text, and chunks without choices or with nulls for nothing', async () => {
    server.reply({
      raw: rawEvents(
        { choices: [], prompt_filter_results: [] },
        { choices: null },
        piece({ role: 'assistant', content: null }),
        { choices: [{ delta: null }] },
        piece({ refusal: 'I cannot help with that.' }),
        piece({}, 'stop'),
        { choices: [], usage: null },
      ),
    });
    expect((await run()).events).toEqual([
      { type: 'text', text: 'I cannot help with that.' },
      { type: 'end', usage: null, finishReason: 'STOP' },
    ]);
  });
});

describe('a dialect', () => {
  it.each(DIALECTS)(
    '$title',
    async ({ body, contentType, gzip, text, reasoning = '', tokens, failure, requests = 1 }) => {
      const reply = { raw: body, ...(contentType !== undefined && { contentType }), ...(gzip && { gzip }) };
      server.reply(reply, reply, reply);
      const answer = await run();
      expect(answer.text).toBe(text);
      expect(answer.reasoning).toBe(reasoning);
      expect(answer.reason).toBe(failure && FAILURE_REASONS[failure as keyof typeof FAILURE_REASONS]);
      const end = answer.events.find((event) => event.type === 'end');
      if (failure !== undefined) expect(end).toBeUndefined();
      else expect(end && (end.usage?.totalTokens ?? null)).toBe(tokens);
      expect(server.requests).toHaveLength(requests);
    },
  );

  it('whose count of tokens cannot be true is warned of, and the answer kept', async () => {
    server.reply({ raw: rawEvents(piece({ content: 'Hi' }), { ...piece({}, 'stop'), usage: { total_tokens: 3e9 } }) });
    expect((await run()).text).toBe('Hi');
    expect(logged).toEqual([{ totalTokens: '3000000000' }]);
  });
});

describe('tools', () => {
  const tools = [{ name: 'add', description: 'Adds', parameters: { type: 'object' } }, { name: 'now' }] as const;
  const callPiece = (more: object) => piece({ tool_calls: [more] });
  const calls = async (...chunks: object[]) => {
    server.reply({ raw: rawEvents(...chunks) });
    const { events, reason } = await run(FAST, { tools });
    return (
      reason ?? events.flatMap((event) => (event.type === 'tool-call' ? [[event.id, event.name, event.arguments]] : []))
    );
  };
  const ends = piece({}, 'tool_calls');

  it('are offered, called and answered in the words of the API', async () => {
    const call = { id: 'c1', name: 'add', arguments: '{"a":1}' };
    server.reply({ toolCalls: [call], usage: 42 });
    const messages = [
      { role: 'user', content: 'Add' },
      { role: 'assistant', content: '', toolCalls: [call] },
      { role: 'tool', content: '3', toolCallId: 'c1' },
    ] as const;
    const { events } = await run(FAST, { tools, messages, mustAnswer: true });
    expect(events[0]).toEqual({ type: 'tool-call', ...call });
    expect(events[1]).toMatchObject({ type: 'end', usage: { totalTokens: 42 } });
    expect((await server.request(0)).body).toMatchObject({
      tools: [
        { type: 'function', function: tools[0] },
        { type: 'function', function: { name: 'now' } },
      ],
      tool_choice: 'none',
      messages: [
        { role: 'user', content: 'Add' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function' }] },
        { role: 'tool', content: '3', tool_call_id: 'c1' },
      ],
    });
  });

  it.each<[string, object[], unknown]>([
    [
      'in fragments, two at once',
      [
        callPiece({ index: 0, id: 'a', type: 'function', function: { name: 'add', arguments: '' } }),
        callPiece({ index: 0, function: { arguments: '{"a"' } }),
        callPiece({ index: 1, id: 'b', type: 'function', function: { name: 'now', arguments: '{' } }),
        callPiece({ index: 1, function: { arguments: '}' } }),
        callPiece({ index: 0, function: { arguments: ':1}' } }),
      ],
      [
        ['a', 'add', '{"a":1}'],
        ['b', 'now', '{}'],
      ],
    ],
    [
      'whole, all with the number 0, as some servers send them',
      [
        callPiece({ index: 0, id: 'a', function: { name: 'add', arguments: '{"a":1}' } }),
        callPiece({ index: 0, id: 'b', function: { name: 'add', arguments: '{"a":2}' } }),
      ],
      [
        ['a', 'add', '{"a":1}'],
        ['b', 'add', '{"a":2}'],
      ],
    ],
    [
      'without a number, an id, or arguments, or with an object of them',
      [
        callPiece({ function: { name: 'add', arguments: { a: 1 } } }),
        callPiece({ function: { name: 'now' } }),
        callPiece({ function: null }),
      ],
      [
        ['', 'add', '{"a":1}'],
        ['', 'now', '{}'],
      ],
    ],
    [
      'with the name again in each piece',
      [
        callPiece({ index: 0, id: 'a', function: { name: 'add', arguments: '{' } }),
        callPiece({ index: 0, id: 'a', function: { name: 'add', arguments: '}' } }),
      ],
      [['a', 'add', '{}']],
    ],
    [
      'and none, where it has no name',
      [callPiece({ index: 0, id: 'a', function: { arguments: '{}' } })],
      FAILURE_REASONS.toolCall,
    ],
  ])('are called %s', async (_, chunks, expected) => {
    expect(await calls(...chunks, ends)).toEqual(expected);
  });

  it('are called by a server that does not stream', async () => {
    const message = { role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'add', arguments: '{}' } }] };
    server.reply({
      raw: JSON.stringify({ choices: [{ message, finish_reason: 'tool_calls' }] }),
      contentType: 'application/json',
    });
    expect((await run(FAST, { tools })).events[0]).toMatchObject({ type: 'tool-call', id: 'a', name: 'add' });
  });

  it('are not called by half', async () => {
    const half = callPiece({ index: 0, id: 'a', function: { name: 'add', arguments: '{"a' } });
    expect(await calls(half, piece({}, 'length'))).toBe(FAILURE_REASONS.noRoomForText);
  });
});

describe('the form of the answer', () => {
  it.each<[string, ModelRequest['responseFormat'], unknown]>([
    ['text', { type: 'text' }, undefined],
    ['JSON', { type: 'json_object' }, { type: 'json_object' }],
    [
      'a schema',
      { type: 'json_schema', name: 'sum', schema: { type: 'object' }, strict: true },
      { type: 'json_schema', json_schema: { name: 'sum', schema: { type: 'object' }, strict: true } },
    ],
  ])('is asked for: %s', async (_, responseFormat, expected) => {
    await run(FAST, responseFormat && { responseFormat });
    expect((await server.request(0)).body['response_format']).toEqual(expected);
  });
});

describe("the provider's own message", () => {
  const prompt = 'My diary: today I was sad.\nAnd tomorrow?';
  const messages = [{ role: 'user', content: prompt }] as const;

  it.each<[string, string, string]>([
    ['the model', '{"error":{"message":"The model `gpt-9` does not exist"}}', 'The model `gpt-9` does not exist'],
    ['a text', '{"error":"model not found"}', 'model not found'],
    ['a detail', '{"detail":"Not Found"}', 'Not Found'],
    ['a list', '[{"error":{"message":"API key expired"}}]', 'API key expired'],
    ['a page', '<html>no</html>', '<html>no</html>'],
    ['a key', '{"error":{"message":"Incorrect API key: sk-proj-Ab_12*****9"}}', 'Incorrect API key: [key]'],
    ['the key of the settings', '{"error":{"message":"bad sk-test"}}', 'bad [key]'],
    ['a header', '{"error":{"message":"Authorization: Bearer abc.def"}}', 'Authorization: [key]'],
    ['the prompt', `{"error":{"message":"Bad input 'My diary: today I was sad.' here"}}`, "Bad input '[prompt]' here"],
  ])('with %s goes to the log with the id of the request, and with the failure', async (_, body, message) => {
    server.reply({ error: { status: 400, body } });
    const { failure } = await run(FAST, { requestId: 'request-1', messages });
    expect(logged).toMatchObject([{ requestId: 'request-1', status: 400, providerMessage: message }]);
    expect(failure).toMatchObject({ evidence: { status: 400, providerMessage: message } });
    expect(JSON.stringify((failure as UpstreamFailed).details)).not.toContain(message);
  });

  it('is a line of bounded length', async () => {
    server.reply({ error: { status: 400, body: JSON.stringify({ error: { message: 'no\n\0 '.repeat(100_000) } }) } });
    await run();
    const [{ providerMessage = '' } = {}] = logged as { providerMessage?: string }[];
    expect(providerMessage).toMatch(/^[\x20-\x7e]{1,500}$/);
  });
});

describe('retries', () => {
  it('mend rate limits and outages before the first text, and leave no trace in the answer', async () => {
    server.reply(
      { error: { status: 429, headers: { 'retry-after': '0' } } },
      { error: { status: 503 } },
      { chunks: ['Third time lucky'] },
    );
    expect((await run()).text).toBe('Third time lucky');
    expect(server.requests).toHaveLength(3);
    expect(logged).toEqual([
      {
        status: 429,
        providerRequestId: 'req_scripted',
        providerMessage: 'Scripted error',
        reason: FAILURE_REASONS.rateLimited,
        attempt: 1,
        answered: false,
      },
      {
        status: 503,
        providerRequestId: 'req_scripted',
        providerMessage: 'Scripted error',
        reason: FAILURE_REASONS.unavailable,
        attempt: 2,
        answered: false,
      },
    ]);
  });

  it('end after the third try', async () => {
    const busy = { error: { status: 429, headers: { 'retry-after': '120' } } };
    server.reply(busy, busy, busy, { chunks: ['too late'] });
    expect((await run()).reason).toBe(FAILURE_REASONS.rateLimited);
    expect(server.requests).toHaveLength(3);
  });

  it('follow a cut before the first text, but none after it', async () => {
    server.reply({ chunks: ['never sent'], cutAfter: 0 }, { chunks: ['Begun', ' and', ' cut'], cutAfter: 2 });
    const { text, reason } = await run();
    expect(text).toBe('Begun and');
    expect(reason).toBe(FAILURE_REASONS.connectionLost);
    expect(server.requests).toHaveLength(2);
  });

  it('stop at once when the caller aborts while the provider wants to be left alone', async () => {
    server.reply({ error: { status: 429, headers: { 'retry-after': '3600' } } });
    const controller = new AbortController();
    const reason = new Error('stopped');
    const log = { warn: () => controller.abort(reason) };
    const patient = new OpenAiLanguageModel({
      apiKey: 'k',
      baseUrl: server.url,
      model: 'm',
      log,
      timing: { maxRetryAfterMs: 3_600_000 },
    });
    await expect(collect(patient.stream(modelRequest({ signal: controller.signal })))).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });
});

describe('failures that a retry would not mend', () => {
  it.each<[number, string | undefined, keyof typeof FAILURE_REASONS]>([
    [400, undefined, 'rejected'],
    [400, 'context_length_exceeded', 'contextExceeded'],
    [401, 'invalid_api_key', 'authentication'],
    [402, undefined, 'quotaExhausted'],
    [403, undefined, 'authentication'],
    [404, 'model_not_found', 'rejected'],
    [429, 'insufficient_quota', 'quotaExhausted'],
  ])('status %i (%s) fails at once as %s', async (status, code, kind) => {
    server.reply({ error: { status, message: 'Incorrect API key provided: sk-secret', ...(code && { code }) } });
    const { failure, reason } = await run();
    expect(reason).toBe(FAILURE_REASONS[kind]);
    expect(server.requests).toHaveLength(1);
    expect(`${String(failure)} ${JSON.stringify(failure)} ${JSON.stringify(logged)}`).not.toContain('sk-');
  });
});

describe('an answer that breaks', () => {
  it('by a clean end without a finish reason is a cut, and what had come stays', async () => {
    server.reply({ raw: rawEvents(piece({ content: 'Half an' }), piece({ content: ' answer' })) });
    const { text, reason, events } = await run();
    expect(text).toBe('Half an answer');
    expect(reason).toBe(FAILURE_REASONS.connectionLost);
    expect(events.some(({ type }) => type === 'end')).toBe(false);
  });

  it('by silence between two pieces is a timeout, and the provider is hung up on', async () => {
    server.reply({ chunks: ['Then', ' nothing'], stallAfter: 2 });
    const { text, reason } = await run({ ...FAST, silenceMs: 30 });
    expect(text).toBe('Then nothing');
    expect(reason).toBe(FAILURE_REASONS.timeout);
    await expect((await server.request(0)).abortedByClient).resolves.toBe(true);
  });

  it('by silence before the first text is a timeout, and is not tried again', async () => {
    server.reply({ stallAfter: 0 });
    expect((await run({ ...FAST, firstTextMs: 300 })).reason).toBe(FAILURE_REASONS.timeout);
    expect(server.requests).toHaveLength(1);
  });

  it('does not count the time that the reader takes', async () => {
    server.reply({ chunks: ['a', 'b', 'c'] });
    const timing = { ...FAST, silenceMs: 40, usageMs: 40 };
    let text = '';
    for await (const event of model(timing).stream(modelRequest())) {
      if (event.type === 'text') text += event.text;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(text).toBe('abc');
  });

  it('by an error inside the stream is told in our words', async () => {
    const error = { error: { message: 'GPU 7 of host 10.0.0.3 failed', code: 'server_error' } };
    server.reply({ raw: rawEvents(piece({ content: 'Well' }), error) });
    const { text, reason } = await run();
    expect(text).toBe('Well');
    expect(reason).toBe(FAILURE_REASONS.unavailable);
  });

  it('by a finish reason of `error` is a failure', async () => {
    server.reply({ raw: rawEvents(piece({ content: 'Well' }), piece({}, 'error')) });
    expect((await run()).reason).toBe(FAILURE_REASONS.unavailable);
  });

  it('by something that is not JSON is unreadable', async () => {
    server.reply({ raw: 'data: {"choices": [\n\n' });
    expect((await run()).reason).toBe(FAILURE_REASONS.unreadable);
  });
});

describe('a provider that cannot be reached', () => {
  it('is tried three times, and the log names the network error', async () => {
    const gone = await startModelServer();
    await gone.close();
    await expect(collect(model(FAST, gone.url).stream(modelRequest()))).rejects.toMatchObject({
      reason: FAILURE_REASONS.connectionLost,
      details: { source: 'openai', reason: FAILURE_REASONS.connectionLost },
    });
    expect(logged).toHaveLength(3);
    expect(logged[0]).toMatchObject({ network: 'ECONNREFUSED' });
  });
});

describe('what a request says', () => {
  const IMAGE_BYTES = 16e6;

  /** After a collection of garbage, in bytes. */
  const memoryInUse = () => {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };

  it('takes no memory while its answer comes', async () => {
    let received = 0;
    await using provider = createHttpServer((request, response) => {
      request.on('data', (bytes: Buffer) => (received += bytes.length));
      request.once('end', () => response.write(rawEvents(piece({ content: 'Blue' }))));
    }).listen(0, '127.0.0.1');
    await once(provider, 'listening');
    const { port } = provider.address() as AddressInfo;
    const image = { contentType: 'image/png', read: () => Promise.resolve(new Uint8Array(IMAGE_BYTES)) };
    const messages = [{ role: 'user', content: 'What is this?', images: [image] } as const];
    const before = memoryInUse();
    const events = model(FAST, `http://127.0.0.1:${port}`).stream(modelRequest({ messages }))[Symbol.asyncIterator]();
    expect((await events.next()).value).toEqual({ type: 'text', text: 'Blue' });
    expect(received).toBeGreaterThan(IMAGE_BYTES);
    // Until the generator goes on, it is where its caller took the text.
    const next = events.next();
    // V8 frees buffers in a thread of its own.
    await eventually(
      () => Promise.resolve(memoryInUse() - before),
      (grown) => grown < IMAGE_BYTES / 2,
    );
    provider.closeAllConnections();
    await expect(next).rejects.toThrow(UpstreamFailed);
  });
});

describe('an abort', () => {
  it('hangs up on the provider', async () => {
    server.reply({ chunks: ['Going', ' on'], stallAfter: 1 });
    const controller = new AbortController();
    const reason = new Error('stopped');
    const reading = (async () => {
      for await (const event of model().stream(modelRequest({ signal: controller.signal }))) {
        expect(event).toEqual({ type: 'text', text: 'Going' });
        setImmediate(() => controller.abort(reason));
      }
    })();
    await expect(reading).rejects.toBe(reason);
    await expect((await server.request(0)).abortedByClient).resolves.toBe(true);
    expect(logged).toEqual([]);
  });

  it('by leaving the loop hangs up too', async () => {
    server.reply({ chunks: ['Going', ' on'], stallAfter: 1 });
    for await (const event of model().stream(modelRequest())) {
      expect(event.type).toBe('text');
      break;
    }
    await expect((await server.request(0)).abortedByClient).resolves.toBe(true);
  });
});

describe('a provider that keeps failing', () => {
  const down: ScriptedReply = { error: { status: 500 } };
  const behindBreaker = (openMs: number) =>
    new OpenAiLanguageModel({
      apiKey: 'sk-test',
      baseUrl: server.url,
      model: 'gpt-4o-mini',
      log: { warn: (_fields, message) => logged.push({ message }) },
      timing: FAST,
      breaker: { failures: 2, openMs },
    });
  const outcomeOf = (guarded: OpenAiLanguageModel, request: Partial<ModelRequest> = {}) =>
    collect(guarded.stream(modelRequest(request))).then(
      (events) => events.length,
      (error: unknown) => (error instanceof UpstreamFailed ? error : String(error)),
    );

  it('is left alone in the middle of the tries, and gets no call after that', async () => {
    const guarded = behindBreaker(3_600_000);
    server.reply(down, down);
    const failed = await outcomeOf(guarded);
    expect(failed).toMatchObject({ reason: FAILURE_REASONS.unavailable, anotherMayAnswer: true });
    expect(server.requests).toHaveLength(2);
    expect(guarded.condition).toMatchObject({ state: 'OPEN', failures: 2, lastFailure: FAILURE_REASONS.unavailable });
    const resting = await outcomeOf(guarded);
    expect(resting).toBeInstanceOf(UpstreamResting);
    expect(resting).toMatchObject({ reason: FAILURE_REASONS.resting, anotherMayAnswer: true });
    expect(server.requests).toHaveLength(2);
    expect(logged).toContainEqual({ message: 'The model keeps failing and is left alone' });
  });

  it('is asked again by one question at a time, which opens the way as soon as it is answered', async () => {
    const guarded = behindBreaker(50);
    server.reply(down, down);
    await outcomeOf(guarded);
    const stateIs = (state: string) =>
      eventually(
        () => Promise.resolve(guarded.condition.state),
        (present) => present === state,
      );
    await stateIs('HALF_OPEN');
    // A probe that fails is not tried again.
    server.reply(down);
    expect(await outcomeOf(guarded)).toMatchObject({ reason: FAILURE_REASONS.unavailable });
    expect(server.requests).toHaveLength(3);
    expect(guarded.condition.state).not.toBe('CLOSED');
    await stateIs('HALF_OPEN');
    const held = Promise.withResolvers<undefined>();
    server.reply({ chunks: ['Back', ' again'], hold: { after: 0, until: held.promise } });
    const probe = guarded.stream(modelRequest());
    const first = probe.next();
    await server.request(3);
    const others = await Promise.all([outcomeOf(guarded), outcomeOf(guarded)]);
    for (const outcome of others) expect(outcome).toBeInstanceOf(UpstreamResting);
    expect(server.requests).toHaveLength(4);
    held.resolve(undefined);
    expect((await first).value).toEqual({ type: 'text', text: 'Back' });
    // Its answer goes on.
    expect(guarded.condition).toMatchObject({ state: 'CLOSED', failures: 0, openedAt: null, retryAt: null });
    expect(await outcomeOf(guarded)).toBeGreaterThan(1);
    await collect(probe);
    expect(logged).toContainEqual({ message: 'The model answers again' });
  });

  it('is not meant by a question that is at fault itself, nor by a reader who leaves', async () => {
    const guarded = behindBreaker(3_600_000);
    const controller = new AbortController();
    for (const error of [{ status: 400 }, { status: 404 }, { status: 400, code: 'context_length_exceeded' }]) {
      server.reply({ error });
      expect(await outcomeOf(guarded)).toMatchObject({ anotherMayAnswer: false });
    }
    server.reply({ chunks: ['No one reads this'], stallAfter: 0 });
    const left = outcomeOf(guarded, { signal: controller.signal });
    await server.request(3);
    controller.abort();
    await left;
    expect(guarded.condition).toMatchObject({ state: 'CLOSED', failures: 0 });
  });

  it.each<[string, ScriptedReply, Partial<ModelTiming>]>([
    ['silence', { stallAfter: 0 }, { firstTextMs: 20 }],
    ['a cut answer', { chunks: ['Well', ' no'], cutAfter: 1 }, {}],
    ['refused credentials', { error: { status: 401 } }, {}],
    ['an account that is used up', { error: { status: 429, code: 'insufficient_quota' } }, {}],
    ['what is no answer', { raw: '<html></html>', contentType: 'text/html' }, {}],
  ])('fails by %s, too', async (_, script, timing) => {
    const guarded = new OpenAiLanguageModel({
      apiKey: 'sk-test',
      baseUrl: server.url,
      model: 'gpt-4o-mini',
      log: { warn: () => undefined },
      timing: { ...FAST, ...timing },
      breaker: { failures: 1, openMs: 3_600_000 },
    });
    server.reply(script);
    await outcomeOf(guarded);
    expect(guarded.condition.state).toBe('OPEN');
  });
});

describe('the description', () => {
  it('names model and host, and nothing else of the address', () => {
    expect(model(FAST, 'https://user:pass@models.example.com:8443/v1').description).toBe(
      'gpt-4o-mini at models.example.com:8443',
    );
    expect(new OpenAiLanguageModel({ apiKey: 'k', model: 'gpt-4o-mini', log: { warn: () => {} } }).description).toBe(
      'gpt-4o-mini at api.openai.com',
    );
  });
});
