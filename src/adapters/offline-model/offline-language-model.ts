import { setTimeout as sleep } from 'node:timers/promises';
import type { LanguageModel, ModelEvent, ModelRequest } from '../../ports/language-model.js';

/** How much of the question is repeated, in UTF-16 code units. */
const QUOTED_LENGTH = 200;

/**
 * Stands in where no model is configured, so that everything but the model can be tried: says so, says what to set, and
 * repeats what it was asked. Not for production.
 */
export class OfflineLanguageModel implements LanguageModel {
  readonly status = 'offline';
  readonly description = 'offline responder (no model is configured)';

  /** @param wordDelayMs the pause before each word, as of a model that types */
  constructor(private readonly wordDelayMs = 20) {}

  async *stream({ messages, signal }: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    const question = messages.findLast(({ role }) => role === 'user')?.content ?? '';
    for (const word of answerTo(question).match(/\S+\s*/g) ?? []) {
      signal.throwIfAborted();
      await sleep(this.wordDelayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      yield { type: 'text', text: word };
    }
    signal.throwIfAborted();
    yield { type: 'end', totalTokens: null };
  }
}

function answerTo(question: string): string {
  return (
    'No language model is configured, so this is the offline responder. ' +
    "Set OPENAI_API_KEY (and OPENAI_BASE_URL for a server other than OpenAI's) and restart to talk to a real one. " +
    `You asked: ${shortened(question.trim())}`
  );
}

function shortened(text: string): string {
  if (text.length <= QUOTED_LENGTH) return text;
  // The cut must not halve a character that takes two code units.
  return `${text.slice(0, QUOTED_LENGTH).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
