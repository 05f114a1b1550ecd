import { describe, expect, it } from '@jest/globals';
import type { ModelMessage, TokenCounter } from '../../../ports/language-model.js';
import { buildPrompt, shortenPrompt, SYSTEM_PROMPT, systemMessage } from './prompt.js';

/** Counts one token per character, one per message and one per prompt. */
const counter: TokenCounter = {
  countText: (text) => text.length,
  countPrompt: (messages) => messages.reduce((sum, { content }) => sum + 1 + content.length, 1),
};
const bare = 1 + (1 + SYSTEM_PROMPT.length) + (1 + 'Why?'.length);
const dialogue: readonly ModelMessage[] = [
  { role: 'assistant', content: 'newest' },
  { role: 'user', content: 'middle' },
  { role: 'assistant', content: 'oldest' },
];

describe('the prompt', () => {
  it('is the system prompt, the dialogue from its oldest end, and the question', () => {
    const { messages, tokens } = buildPrompt({ content: 'Why?' }, dialogue, 1_000, counter);
    expect(messages.map(({ role }) => role)).toEqual(['system', 'assistant', 'user', 'assistant', 'user']);
    expect(messages.map(({ content }) => content).slice(1)).toEqual(['oldest', 'middle', 'newest', 'Why?']);
    expect(tokens).toBe(counter.countPrompt(messages));
  });

  it('leaves out the oldest remarks where the context is full', () => {
    const { messages, tokens } = buildPrompt({ content: 'Why?' }, dialogue, bare + 14, counter);
    expect(messages.map(({ content }) => content).slice(1)).toEqual(['middle', 'newest', 'Why?']);
    expect(tokens).toBe(bare + 14);
  });

  it('has no holes: what is older than a remark that does not fit is left out too', () => {
    const long = [dialogue[0], { role: 'user', content: 'x'.repeat(500) }, dialogue[2]].filter((m) => m !== undefined);
    const { messages } = buildPrompt({ content: 'Why?' }, long as ModelMessage[], bare + 50, counter);
    expect(messages.map(({ content }) => content).slice(1)).toEqual(['newest', 'Why?']);
  });

  it('keeps the system prompt and the question whatever their length', () => {
    expect(buildPrompt({ content: 'Why?' }, dialogue, 0, counter).messages).toHaveLength(2);
  });

  it("has the conversation's instructions behind the service's own, and counts them", () => {
    const { messages, tokens } = buildPrompt(
      { content: 'Why?' },
      dialogue,
      bare + 20,
      counter,
      systemMessage('In verse.'),
    );
    expect(messages[0]).toEqual({ role: 'system', content: `${SYSTEM_PROMPT}\n\nIn verse.` });
    expect(messages.map(({ content }) => content).slice(1)).toEqual(['newest', 'Why?']);
    expect(tokens).toBe(counter.countPrompt(messages));
    for (const none of [null, '', ' ']) expect(systemMessage(none).content).toBe(SYSTEM_PROMPT);
  });

  it('is shortened for a model with less room, from the oldest end', () => {
    const prompt = buildPrompt({ content: 'Why?' }, dialogue, 1_000, counter);
    expect(shortenPrompt(prompt, 1_000, counter)).toBe(prompt);
    const shorter = shortenPrompt(prompt, bare + 14, counter);
    expect(shorter).toEqual(buildPrompt({ content: 'Why?' }, dialogue, bare + 14, counter));
    expect(shortenPrompt(prompt, 0, counter)).toEqual(buildPrompt({ content: 'Why?' }, dialogue, 0, counter));
  });
});
