import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collect, modelRequest } from '../../../test/contracts/language-model.contract.js';
import { startModelServer, type ModelServer, type ScriptedReply } from '../../../test/support/model-server.js';
import { UpstreamFailed } from '../../kernel/errors.js';
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
  const text = events.map((event) => (event.type === 'text' ? event.text : '')).join('');
  return { events, text, failure, reason: failure instanceof UpstreamFailed ? failure.reason : undefined };
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
      { type: 'end', totalTokens: 42 },
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

  it.each(['length', 'content_filter'])('that ends by %s is complete', async (finishReason) => {
    server.reply({ chunks: ['Cut short'], finishReason });
    const { text, events } = await run();
    expect(text).toBe('Cut short');
    expect(events.at(-1)?.type).toBe('end');
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
    expect((await run()).events).toEqual([
      { type: 'text', text: 'Hi' },
      { type: 'end', totalTokens: null },
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
      { type: 'end', totalTokens: null },
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
      { type: 'end', totalTokens: null },
    ]);
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
        reason: FAILURE_REASONS.rateLimited,
        attempt: 1,
        answered: false,
      },
      {
        status: 503,
        providerRequestId: 'req_scripted',
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
    server.reply({ chunks: ['Half an', ' answer'], finishReason: null });
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
    expect((await run({ ...FAST, firstTextMs: 30 })).reason).toBe(FAILURE_REASONS.timeout);
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
