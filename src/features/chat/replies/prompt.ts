import type { ModelMessage, TokenCounter } from '../../../ports/language-model.js';

/** The system prompt, from the REST contract. */
export const SYSTEM_PROMPT =
  'You are Flynkle, a witty, personal assistant who speaks like a friend. Be warm, quick and to the point.';

const system: ModelMessage = { role: 'system', content: SYSTEM_PROMPT };

export interface Prompt {
  readonly messages: readonly ModelMessage[];
  /** Tokens of all messages, as the tokenizer counts them. */
  readonly tokens: number;
}

/**
 * Builds a prompt of the system prompt, as many of the latest messages as fit, and the question. Stops at the first
 * message that does not fit, so that the history has no gaps.
 * @param newestFirst the conversation before the question
 * @param maxTokens limit of the prompt; the system prompt and the question are included even if they exceed it
 */
export function buildPrompt(
  question: string,
  newestFirst: readonly ModelMessage[],
  maxTokens: number,
  counter: TokenCounter,
): Prompt {
  const last: ModelMessage = { role: 'user', content: question };
  const framing = counter.countPrompt([]);
  let tokens = counter.countPrompt([system, last]);
  const remembered: ModelMessage[] = [];
  for (const message of newestFirst) {
    const more = counter.countPrompt([message]) - framing;
    if (tokens + more > maxTokens) break;
    tokens += more;
    remembered.push(message);
  }
  return { messages: [system, ...remembered.reverse(), last], tokens };
}
