import { setTimeout as sleep } from 'node:timers/promises';
import type { LanguageModel, ModelEvent, ModelRequest } from '../../ports/language-model.js';

/** Maximum length of the repeated question, in UTF-16 code units. */
const QUOTED_LENGTH = 200;

/**
 * Used when no model is configured, so that everything else can be tried: it says so, says what to set, and repeats the
 * question. Not for production.
 */
export class OfflineLanguageModel implements LanguageModel {
  readonly status = 'offline';
  readonly condition = null;
  readonly description = 'offline responder (no model is configured)';

  /** @param wordDelayMs the pause before each word, to look like a streaming model */
  constructor(private readonly wordDelayMs = 20) {}

  askAgain(): void {
    // There is no provider.
  }

  async *stream({ messages, signal }: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    const question = messages.findLast(({ role }) => role === 'user')?.content ?? '';
    for (const word of answerTo(question).match(/\S+\s*/g) ?? []) {
      signal.throwIfAborted();
      await sleep(this.wordDelayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      yield { type: 'text', text: word };
    }
    signal.throwIfAborted();
    yield { type: 'end', usage: null, finishReason: 'STOP' };
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
  // Do not cut a surrogate pair in half.
  return `${text.slice(0, QUOTED_LENGTH).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
