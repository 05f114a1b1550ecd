import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startModelServer, type ModelServer, type ScriptedReply } from '../support/model-server.js';
import { faultInChunk, faultInRequest } from '../support/openai-chat-api.js';

const question = { role: 'user', content: 'Why?' } as const;
const request = { model: 'gpt-4o-mini', messages: [question], stream: true, stream_options: { include_usage: true } };
const call = (id: string) => ({ id, type: 'function', function: { name: 'add', arguments: '{}' } }) as const;
const asking = (...ids: string[]) => ({ role: 'assistant', content: null, tool_calls: ids.map(call) }) as const;
const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: '3' }) as const;
const tool = { type: 'function', function: { name: 'add', parameters: { type: 'object' } } } as const;
const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } } as const;
const format = (json_schema: object) => ({ type: 'json_schema', json_schema });

describe("OpenAI's description of a request", () => {
  it.each<[string, object]>([
    ['a question', {}],
    ['a limit and a temperature', { max_completion_tokens: 7, temperature: 0.5 }],
    ['tools', { tools: [tool], tool_choice: 'none', parallel_tool_calls: true }],
    ['results of two calls', { messages: [question, asking('a', 'b'), result('b'), result('a')] }],
    ['an image', { messages: [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, image] }] }],
    ['an answer in JSON', { response_format: { type: 'json_object' } }],
    ['an answer by a schema', { response_format: format({ name: 'sum', schema: { type: 'object' }, strict: true }) }],
  ])('takes %s', (_, more) => {
    expect(faultInRequest({ ...request, ...more })).toBeNull();
  });

  it.each<[string, object]>([
    ['no messages', { messages: [] }],
    ['a message without a role', { messages: [{ content: 'Why?' }] }],
    ['a field that OpenAI does not know', { max_length: 7 }],
    ['a temperature of 3', { temperature: 3 }],
    ['a tool without a name', { tools: [{ type: 'function', function: {} }] }],
    ['a tool outside of `function`', { tools: [{ type: 'function', name: 'add' }] }],
    [
      'a call without arguments',
      { messages: [question, { ...asking(), tool_calls: [{ id: 'a', type: 'function' }] }] },
    ],
    ['a call without its result', { messages: [question, asking('a', 'b'), result('a')] }],
    ['a result without its call', { messages: [question, result('a')] }],
    ['an image that is no URL', { messages: [{ role: 'user', content: [{ ...image, image_url: { url: 'x' } }] }] }],
    ['a schema without a name', { response_format: format({ schema: {} }) }],
    ['usage asked for in a word', { stream_options: { include_usage: 'yes' } }],
  ])('refuses %s', (_, more) => {
    expect(faultInRequest({ ...request, ...more })).toEqual(expect.any(String));
  });
});

describe('the stand-in for a provider', () => {
  let server: ModelServer;
  beforeEach(async () => (server = await startModelServer()));
  afterEach(() => server.close().catch(() => undefined));

  const post = (body: object) =>
    fetch(`${server.url}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const calls = [{ id: 'call_1', name: 'add', arguments: '{"a":1}' }];
  const later = Promise.resolve();

  it.each<[string, ScriptedReply]>([
    ['text', { chunks: ['Hi', ' there'] }],
    ['text, with usage', { chunks: ['Hi', ' there'], usage: 12 }],
    ['reasoning', { reasoning: ['Well'], chunks: ['Hi'] }],
    ['calls of tools', { toolCalls: calls }],
    ['text by hand', { chunks: ['Hi'], usage: 12, hold: { after: 1, until: later } }],
    ['reasoning by hand', { reasoning: ['Well', 'Hm'], chunks: ['Hi'], usage: 12 }],
    ['calls of tools in fragments', { toolCalls: [{ ...calls[0], arguments: ['{"a"', ':1}'] }, ...calls] as never }],
  ])('streams %s as described', async (_, reply) => {
    server.reply(reply);
    const body = await (await post(request)).text();
    const events = body.split('\n\n').filter((event) => event.startsWith('data: {'));
    expect(events.length).toBeGreaterThan(1);
    for (const event of events) expect([event, faultInChunk(JSON.parse(event.slice(6)))]).toEqual([event, null]);
    await server.close();
  });

  it.each<[string, ScriptedReply]>([
    ['a sound answer', {}],
    ['an answer by hand', { cutAfter: 1 }],
  ])('fails its suite after a request that is not as described, in place of %s', async (_, reply) => {
    server.reply(reply);
    const answer = await post({ ...request, temperature: 'warm' });
    expect(answer.status).toBe(400);
    await expect(server.close()).rejects.toThrow('it/temperature must be number');
  });
});
