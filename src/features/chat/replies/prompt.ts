import type { ModelMessage, TokenCounter } from '../../../ports/language-model.js';

/** From the REST contract: who the assistant is. */
export const SYSTEM_PROMPT =
  'You are Flynkle, a witty, personal assistant who speaks like a friend. Be warm, quick and to the point.';

const system: ModelMessage = { role: 'system', content: SYSTEM_PROMPT };

export interface Prompt {
  readonly messages: readonly ModelMessage[];
  /** The tokenizer's count of all of it. */
  readonly tokens: number;
}

/**
 * The system prompt, as much of the dialogue as fits, and the question. What does not fit is left out from the oldest end;
 * the first remark that does not fit ends it, so that what stays has no holes.
 * @param newestFirst the dialogue before the question
 * @param maxTokens what the prompt may have; the system prompt and the question are there even if they exceed it
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
