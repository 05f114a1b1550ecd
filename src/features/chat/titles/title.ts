import type { ModelMessage } from '../../../ports/language-model.js';

/** Maximum tokens of the model's answer. */
export const MAX_TITLE_TOKENS = 24;
/** Characters of an answer after which nothing more is read: a provider may not keep to its limit. */
export const MAX_READ = 500;
/** Characters of the question, and of the answer, that the model is shown: enough to tell what they are about. */
const MAX_EXCERPT = 600;
/** Shorter than what a person may write: it is for a sidebar. */
const MAX_LENGTH = 80;

const INSTRUCTIONS =
  'Give the conversation below a title of two to six words, in its own language. Answer with the title alone: one line, without quotation marks and without a full stop.';

/** Asks for a title of what begins with a question and its answer. */
export function titlePrompt(question: string, answer: string): readonly [ModelMessage, ModelMessage] {
  return [
    { role: 'system', content: INSTRUCTIONS },
    { role: 'user', content: `Question:\n${startOf(question)}\n\nAnswer:\n${startOf(answer)}` },
  ];
}

/** What models put around a title, whatever they are told: quotation marks, and the marks of Markdown. */
const AROUND = String.raw`[\s"'“”„‟‘’‚«»‹›「」『』*_#\x60]`;
const BEFORE = new RegExp(`^${AROUND}+`, 'u');
const AFTER = new RegExp(`(?:${AROUND}|(?<![.])[.])+$`, 'u');

/** The first line that says anything, as a title; null when there is none. */
export function titleIn(answer: string): string | null {
  const titles = answer.split(/[\r\n\u2028\u2029]+/).map((line) => {
    const plain = line
      .replace(/[\p{Cc}\p{Cs}]/gu, ' ')
      .replace(BEFORE, '')
      .replace(AFTER, '');
    return startOf(plain.replace(/\s+/g, ' '), MAX_LENGTH).trimEnd();
  });
  return titles.find((title) => title !== '') ?? null;
}

/** Cuts no character in two. */
function startOf(text: string, length = MAX_EXCERPT): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}
