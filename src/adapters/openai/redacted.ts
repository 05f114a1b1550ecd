import type { ModelMessage } from '../../ports/language-model.js';

const MAX_LENGTH = 500;
/** Words of the prompt are recognised by runs of this many characters. */
const RUN = 12;

/** What names a secret, and forms that keys and tokens have. */
const SECRETS = [
  /\b(?:bearer|basic)\s+\S+/gi,
  /\b(?:sk|pk|rk|gsk|xai|org)[-_][\w*.-]{4,}/gi,
  /\bAIza[\w-]{10,}/g,
  /\beyJ[\w-]+(?:\.[\w-]*)*/g,
  /\b(?=[a-z0-9]*\d)(?=[a-z0-9]*[a-z])[a-z0-9]{24,}\b/gi,
  /(?<=:\/\/)[^\s/@]+@/g,
  /(?<=\b(?:api[-_ ]?key|authorization|password|secret|token)["']?\s*[:=]\s*["']?)[^\s"',}]+/gi,
];

/**
 * A provider's message, fit for the log and for admins: one line of bounded length, without keys, and without what it repeats
 * of the prompt.
 */
export function redacted(message: string, apiKey: string, prompt: readonly ModelMessage[]): string {
  let text = message.slice(0, 2 * MAX_LENGTH);
  if (apiKey.length >= 4) text = text.replaceAll(apiKey, '[key]');
  text = withoutPrompt(text, prompt);
  for (const secret of SECRETS) text = text.replace(secret, '[key]');
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .toWellFormed()
    .slice(0, MAX_LENGTH);
}

/** A question shorter than a run is recognised where it is quoted as a whole. */
function withoutPrompt(message: string, prompt: readonly ModelMessage[]): string {
  const text = prompt
    .map(({ content }) => content.trim())
    .filter(({ length }) => length >= 4 && length < RUN)
    .reduce(
      (known, short) => known.replaceAll(`'${short}'`, "'[prompt]'").replaceAll(`"${short}"`, '"[prompt]"'),
      message,
    );
  const known = new Set<string>();
  for (let start = 0; start + RUN <= text.length; start++) known.add(text.slice(start, start + RUN));
  const repeated = new Set<string>();
  for (const { content } of prompt) {
    for (let start = 0; start + RUN <= content.length; start++) {
      const run = content.slice(start, start + RUN);
      if (known.has(run)) repeated.add(run);
    }
  }
  let result = '';
  let start = 0;
  while (start < text.length) {
    let end = start;
    while (repeated.has(text.slice(end, end + RUN))) end++;
    if (end > start) {
      result += '[prompt]';
      start = end - 1 + RUN;
    } else {
      result += text[start] ?? '';
      start++;
    }
  }
  return result;
}
