/** How servers with a chat completions API answer a request for a stream: transcripts, shortened, of what each sends. */

export interface Dialect {
  readonly title: string;
  /** The body of the answer; a list is sent piece by piece, wherever that cuts it. */
  readonly body: string | readonly (string | Uint8Array)[];
  /** Default `text/event-stream`. */
  readonly contentType?: string;
  readonly gzip?: true;
  readonly text: string;
  /** What the model thought; default nothing. */
  readonly reasoning?: string;
  /** The total of tokens, null where none can be taken; by default the answer is no whole one. */
  readonly tokens?: number | null;
  /** Why it is no whole answer, by its name in FAILURE_REASONS. */
  readonly failure?: string;
  /** How often it is asked; default once. */
  readonly requests?: number;
}

const data = (...events: readonly unknown[]) =>
  events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join('');
const chunk = (delta: object | null, finish_reason: string | null = null, more: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_764_000_000,
  model: 'some-model',
  choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  ...more,
});
const usage = (total_tokens: unknown) => ({ prompt_tokens: 9, completion_tokens: 3, total_tokens });
const DONE = '[DONE]';
const bytes = (text: string) => new TextEncoder().encode(text);

export const DIALECTS: readonly Dialect[] = [
  {
    title: 'OpenAI',
    body: data(
      chunk({ role: 'assistant', content: '', refusal: null }, null, { service_tier: 'default', obfuscation: 'x' }),
      chunk({ content: 'Hello' }, null, { usage: null }),
      chunk({ content: ' there' }),
      chunk({}, 'stop'),
      { id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [], usage: usage(12) },
      DONE,
    ),
    text: 'Hello there',
    tokens: 12,
  },
  {
    title: 'OpenAI, refusing',
    body: data(
      chunk({ role: 'assistant', content: null, refusal: '' }),
      chunk({ refusal: 'I cannot' }),
      chunk({ refusal: ' help.' }),
      chunk({}, 'stop'),
      DONE,
    ),
    text: 'I cannot help.',
    tokens: null,
  },
  {
    title: 'Azure, whose filter ends the answer',
    body: data(
      { id: '', object: '', model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
      chunk({ role: 'assistant' }),
      chunk({ content: 'Hello' }),
      { choices: [{ index: 0, finish_reason: null, content_filter_offsets: {}, content_filter_results: {} }] },
      chunk({}, 'content_filter'),
      DONE,
    ),
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'Azure, whose filter withholds the answer',
    body: data({ choices: [], prompt_filter_results: [] }, chunk({}, 'content_filter'), DONE),
    text: '',
    failure: 'answerWithheld',
  },
  {
    title: 'vLLM, with reasoning and usage in every chunk',
    body: data(
      chunk({ role: 'assistant', content: '' }, null, { usage: usage(9) }),
      chunk({ reasoning_content: 'Let me think', reasoning: 'Let me think' }, null, { usage: usage(10) }),
      chunk({ content: 'Hello' }, null, { usage: usage(11) }),
      chunk({ content: '' }, 'stop', { stop_reason: 106, usage: usage(12) }),
      { choices: [], usage: usage(12) },
      DONE,
    ),
    reasoning: 'Let me think',
    text: 'Hello',
    tokens: 12,
  },
  {
    title: 'vLLM, failing half way',
    body: data(chunk({ content: 'Hel' }), { error: { message: 'CUDA', type: 'InternalServerError', code: 500 } }, DONE),
    text: 'Hel',
    failure: 'unavailable',
  },
  {
    title: 'vLLM of old, whose error is not wrapped',
    body: data({
      object: 'error',
      message: 'maximum context length is 4096 tokens',
      type: 'BadRequestError',
      code: 400,
    }),
    text: '',
    failure: 'contextExceeded',
  },
  {
    title: 'Ollama',
    body: data(
      chunk({ role: 'assistant', content: 'Hello' }, null, { system_fingerprint: 'fp_ollama' }),
      chunk({ role: 'assistant', content: ' there' }),
      chunk({ role: 'assistant', content: '' }, 'stop'),
      DONE,
    ),
    text: 'Hello there',
    tokens: null,
  },
  {
    title: 'llama.cpp, with comments and without usage',
    body: `: ping\n\n${data(chunk({ role: 'assistant', content: null }), chunk({ content: 'Hello' }))}: ping\n\n${data(
      chunk({}, 'stop', { timings: { prompt_n: 9, predicted_n: 1, predicted_ms: 3.5 } }),
      DONE,
    )}`,
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'llama.cpp of old, whose error is a field of its own',
    body: `${data(chunk({ content: 'Hel' }))}error: {"code":500,"message":"slot lost","type":"server_error"}\n\n`,
    text: 'Hel',
    failure: 'unavailable',
  },
  {
    title: 'LiteLLM, without a finish reason',
    body: data(chunk({ role: 'assistant', content: 'Hello' }), chunk({ content: ' there' }), DONE),
    text: 'Hello there',
    tokens: null,
  },
  {
    title: 'LiteLLM, with an event for the error',
    body: `${data(chunk({ content: 'Hel' }))}event: error\ndata: {"error":{"message":"no","type":"None","code":"429"}}\n\n`,
    text: 'Hel',
    failure: 'rateLimited',
  },
  {
    title: 'Mistral, whose content is a list of parts, thoughts among them',
    body: data(
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Well' }] }] }),
      chunk({
        content: [
          { type: 'text', text: 'Hello' },
          { type: 'reference', reference_ids: [1] },
        ],
      }),
      chunk({ content: [{ type: 'output_text', text: ' there' }, ', you', { text: { value: 7 } }, null, 3] }),
      chunk({ content: '' }, 'stop', { usage: usage(12) }),
      DONE,
    ),
    reasoning: 'Well',
    text: 'Hello there, you',
    tokens: 12,
  },
  {
    title: "Gemini's compatible end",
    body: data(
      chunk({ role: 'assistant', content: 'Hello', extra_content: { google: { thought_signature: 'x' } } }, null, {
        usage: usage(10),
      }),
      chunk({ role: 'assistant', content: ' there' }, 'stop', { usage: usage(12) }),
      DONE,
    ),
    text: 'Hello there',
    tokens: 12,
  },
  {
    title: "Gemini's compatible end, with an error in a list",
    body: '[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]',
    contentType: 'application/json',
    text: '',
    failure: 'rejected',
  },
  {
    title: "Anthropic's compatible end",
    body: data(
      chunk({ content: 'Hello', role: 'assistant' }),
      chunk({}, 'stop'),
      { choices: [], usage: usage(12) },
      DONE,
    ),
    text: 'Hello',
    tokens: 12,
  },
  {
    title: 'a server that tells the end in its own words, and null with every chunk',
    body: data(chunk({ content: 'Hel' }, ''), chunk({ content: 'lo' }, 'null'), chunk(null, 'end_turn')),
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'a server that answers as the older completions API does',
    body: data(
      { choices: [{ text: 'Hel', finish_reason: null }] },
      { choices: [{ text: 'lo', finish_reason: 'eos' }] },
    ),
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'a server that does not stream',
    body: JSON.stringify({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
      usage: usage(12),
    }),
    contentType: 'application/json',
    text: 'Hello',
    tokens: 12,
  },
  {
    title: 'DeepSeek, whose thoughts come first, and null for what there is not',
    body: data(
      chunk({ role: 'assistant', content: null, reasoning_content: '' }),
      chunk({ content: null, reasoning_content: 'Let me' }),
      chunk({ content: null, reasoning_content: ' see' }),
      chunk({ content: 'Hello', reasoning_content: null }),
      chunk({ content: '', reasoning_content: null }, 'stop', { usage: usage(12) }),
      DONE,
    ),
    reasoning: 'Let me see',
    text: 'Hello',
    tokens: 12,
  },
  {
    title: 'OpenRouter, with its thoughts in two forms',
    body: data(
      chunk({
        role: 'assistant',
        content: '',
        reasoning: 'Let me see',
        reasoning_details: [{ type: 'reasoning.text' }],
      }),
      chunk({ content: 'Hello', reasoning: null, reasoning_details: [] }),
      chunk({ content: '' }, 'stop'),
      DONE,
    ),
    reasoning: 'Let me see',
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'a server that does not stream, with the thoughts in a list',
    body: JSON.stringify({
      choices: [
        {
          message: {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'Well' },
              { type: 'text', text: 'Hello' },
            ],
          },
          finish_reason: 'stop',
        },
      ],
    }),
    reasoning: 'Well',
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'a server that does not stream, and says so in an event',
    body: data({ choices: [{ message: { content: [{ type: 'text', text: 'Hello' }] }, finish_reason: 'stop' }] }, DONE),
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'a server whose error has status 200',
    body: '{"error":"model \\"x\\" not found"}',
    contentType: 'application/json',
    text: '',
    failure: 'unavailable',
    requests: 3,
  },
  {
    title: 'a server whose answer is JSON of another kind',
    body: '{"detail":"Not Found"}',
    contentType: 'application/json',
    text: '',
    failure: 'unreadable',
  },
  {
    title: 'a proxy that answers with a page',
    body: '\n<!DOCTYPE html><html><title>Just a moment</title></html>',
    contentType: 'text/html',
    text: '',
    failure: 'unreadable',
  },
  {
    title: 'several answers, of which the first counts',
    body: data(
      { choices: [{ index: 1, delta: { content: 'No' }, finish_reason: null }] },
      {
        choices: [
          { index: 1, delta: { content: ' and no' }, finish_reason: 'stop' },
          { index: 0, delta: { content: 'Yes' }, finish_reason: null },
        ],
      },
      { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    ),
    text: 'Yes',
    tokens: null,
  },
  {
    title: 'a call of a tool, and no text',
    body: data(
      chunk({ role: 'assistant', content: null, tool_calls: [{ index: 0, id: 'c', function: { name: 'f' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{}' } }] }),
      chunk({}, 'tool_calls'),
      DONE,
    ),
    text: '',
    failure: 'toolCall',
  },
  {
    title: 'text, and a call of a tool',
    body: data(chunk({ content: 'Hello' }), chunk({ tool_calls: [{ index: 0 }] }, 'tool_calls'), DONE),
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'thoughts that leave no room for text',
    body: data(chunk({ reasoning: 'Well, well' }), chunk({}, 'length'), DONE),
    reasoning: 'Well, well',
    text: '',
    failure: 'noRoomForText',
  },
  { title: 'a role, and no text', body: data(chunk({ role: 'assistant' }), DONE), text: '', failure: 'noText' },
  { title: 'nothing at all', body: '', text: '', failure: 'connectionLost', requests: 3 },
  { title: 'a clean end half way', body: data(chunk({ content: 'Hel' })), text: 'Hel', failure: 'connectionLost' },
  {
    title: 'a clean end in the middle of an event',
    body: `${data(chunk({ content: 'Hel' }))}data: {"choices":[{"ind`,
    text: 'Hel',
    failure: 'connectionLost',
  },
  {
    title: 'lines that end by CRLF, a byte order mark, fields, comments and data of several lines',
    body: [
      '\uFEFF: hello\r\n\r\n',
      'event: message\r\nid: 1\r\nretry: 5\r\ndata: {"choices":\r\ndata: [{"delta":{"content":"Hello"}}]}\r\n\r\n',
      'data:\r\n\r\ndata: ping\r\n\r\ndata:{"choices":[{"delta":{},"finish_reason":"stop"}]}\r\n\r\ndata:[DONE]',
    ],
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'characters that are cut between two packets',
    body: [...bytes(data(chunk({ content: 'Grüße 👋' }), chunk({}, 'stop')))].map((byte) => Uint8Array.of(byte)),
    text: 'Grüße 👋',
    tokens: null,
  },
  {
    title: 'events that are called plain text',
    body: data(chunk({ content: 'Hello' }), DONE),
    contentType: 'text/plain',
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'events that are called JSON',
    body: data(chunk({ content: 'Hello' }), DONE),
    contentType: 'application/json',
    text: 'Hello',
    tokens: null,
  },
  {
    title: 'compressed events',
    body: data(chunk({ content: 'Hello' }), chunk({}, 'stop', { usage: usage(12) }), DONE),
    gzip: true,
    text: 'Hello',
    tokens: 12,
  },
  {
    title: 'a line without an end',
    body: `data: {"choices":[{"delta":{"content":"${'x'.repeat(5 * 1024 * 1024)}"}}]}\n\n`,
    text: '',
    failure: 'unreadable',
  },
  ...(
    [
      [2_147_483_647, 2_147_483_647],
      [2_147_483_648, null],
      [3e9, null],
      [1e300, null],
      [-5, null],
      [0, null],
      [11.2, 12],
      ['12', 12],
      ['12.0', 12],
      ['many', 12],
      [null, 12],
      [{}, 12],
    ] as const
  ).map(([figure, tokens]): Dialect => ({
    title: `a count of ${JSON.stringify(figure)} tokens`,
    body: data(chunk({ content: 'Hello' }), chunk({}, 'stop', { usage: usage(figure) }), DONE),
    text: 'Hello',
    tokens,
  })),
];
