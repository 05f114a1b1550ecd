import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../../kernel/errors.js';
import type { ModelEvent } from '../../ports/language-model.js';
import { MissingLanguageModel } from './missing-language-model.js';
import { OfflineLanguageModel } from './offline-language-model.js';

const signal = new AbortController().signal;

async function answerTo(content: string): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  const messages = [
    { role: 'user', content: 'an earlier question' },
    { role: 'assistant', content: 'an answer' },
    { role: 'user', content },
  ] as const;
  for await (const event of new OfflineLanguageModel(0).stream({ messages, maxTokens: 10, signal })) events.push(event);
  return events;
}

const textOf = (events: readonly ModelEvent[]) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');

describe('the offline responder', () => {
  it('says that no model is configured, what to set, and what it was asked last', async () => {
    const text = textOf(await answerTo('What is the capital of France?'));
    expect(text).toContain('No language model is configured');
    expect(text).toContain('OPENAI_API_KEY');
    expect(text).toContain('OPENAI_BASE_URL');
    expect(text).toMatch(/You asked: What is the capital of France\?$/);
  });

  it('answers word by word and reports no tokens', async () => {
    const events = await answerTo('hello');
    expect(events.slice(0, 2)).toEqual([
      { type: 'text', text: 'No ' },
      { type: 'text', text: 'language ' },
    ]);
    expect(events.at(-1)).toEqual({ type: 'end', usage: null, finishReason: 'STOP' });
  });

  it('shortens a long question to 200 characters, without halving one', async () => {
    expect(textOf(await answerTo('x'.repeat(1000)))).toMatch(/: x{200}…$/);
    expect(textOf(await answerTo('x'.repeat(199) + '😀'.repeat(10)))).toMatch(/: x{199}…$/);
  });
});

describe('a missing model', () => {
  it('answers Unavailable with what the operator must set', async () => {
    const iterator = new MissingLanguageModel().stream()[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toThrow(
      new Unavailable('No language model is configured; the operator must set OPENAI_API_KEY'),
    );
  });
});
