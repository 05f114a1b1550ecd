import type { ModelMessage, ModelTool, TokenCounter } from '../../../ports/language-model.js';
import { withoutImages } from './images.js';

/** The system prompt, from the REST contract. */
export const SYSTEM_PROMPT =
  'You are Flynkle, a witty, personal assistant who speaks like a friend. Be warm, quick and to the point.';

export interface Prompt {
  readonly messages: readonly ModelMessage[];
  /** Tokens of all messages, as the tokenizer counts them, and of what else the model is given. */
  readonly tokens: number;
  /** How many messages follow the question, with what was called for it. */
  readonly following?: number;
}

/** @param instructions the conversation's own, added to those of the service */
export function systemMessage(instructions: string | null): ModelMessage {
  const added = instructions === null || instructions.trim() === '' ? '' : `\n\n${instructions}`;
  return { role: 'system', content: `${SYSTEM_PROMPT}${added}` };
}

/**
 * Builds a prompt of the system message, as many of the latest messages as fit, and the question. Stops at the first
 * message that does not fit, so that the history has no gaps.
 * @param newestFirst the conversation before the question
 * @param maxTokens limit of the prompt; the system message and the question are included even if they exceed it
 */
export function buildPrompt(
  question: Pick<ModelMessage, 'content' | 'images'>,
  newestFirst: readonly ModelMessage[],
  maxTokens: number,
  counter: TokenCounter,
  system: ModelMessage = systemMessage(null),
): Prompt {
  const last: ModelMessage = { role: 'user', ...question };
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

/** The same prompt for a model with a smaller context: without as many of the oldest messages as it takes. */
export function shortenPrompt(prompt: Prompt, maxTokens: number, counter: TokenCounter): Prompt {
  const [system, ...others] = prompt.messages;
  const framing = counter.countPrompt([]);
  const { following = 0 } = prompt;
  let { tokens } = prompt;
  let from = 0;
  for (; tokens > maxTokens && from < others.length - 1 - following; from++) {
    const oldest = others[from];
    if (oldest !== undefined) tokens -= counter.countPrompt([oldest]) - framing;
  }
  if (from === 0 || system === undefined) return prompt;
  return { ...prompt, messages: [system, ...others.slice(from)], tokens };
}

/** The same prompt for a model that takes no images. */
export function inWords(prompt: Prompt, counter: TokenCounter): Prompt {
  if (!prompt.messages.some(({ images }) => images !== undefined)) return prompt;
  const messages = prompt.messages.map(withoutImages);
  const saved = counter.countPrompt(prompt.messages) - counter.countPrompt(messages);
  return { ...prompt, messages, tokens: prompt.tokens - saved };
}

/** What the model is given for a question beside the question and the history. */
export interface PromptExtras {
  /** What was called for it, with the results. */
  readonly following: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
}

/** @param build makes the prompt of history and question, of so many tokens less than there is room for */
export function withExtras(
  { following, tools }: PromptExtras,
  counter: TokenCounter,
  build: (taken: number) => Prompt,
): Prompt {
  const ofTools = tools.length === 0 ? 0 : counter.countText(JSON.stringify(tools));
  const taken = ofTools + counter.countPrompt(following) - counter.countPrompt([]);
  const { messages, tokens } = build(taken);
  return { messages: [...messages, ...following], tokens: tokens + taken, following: following.length };
}
