import { positive, text, url } from './readers.js';
import { optional, withDefault, type Topic } from './setting.js';

export const modelSettings = {
  title: "Language model: OpenAI's API, or a compatible one",
  settings: {
    model: {
      apiKey: optional('OPENAI_API_KEY', text, {
        description:
          'API key. If neither this nor OPENAI_BASE_URL is set, a built-in stand-in answers; in production, chat is refused.',
      }),
      baseUrl: optional('OPENAI_BASE_URL', url('http:', 'https:'), {
        description: "Base URL of the API. Default: OpenAI's own.",
        example: 'https://api.openai.com/v1',
      }),
      name: withDefault('OPENAI_MODEL', text, { description: 'Name of the model.', default: 'gpt-4o-mini' }),
      contextTokens: withDefault('OPENAI_CONTEXT_TOKENS', positive(100_000_000), {
        description: "The model's context window in tokens, for prompt and answer together.",
        default: '128000',
      }),
      maxReplyTokens: withDefault('OPENAI_MAX_REPLY_TOKENS', positive(1_000_000), {
        description: 'Maximum tokens of an answer; must be smaller than OPENAI_CONTEXT_TOKENS.',
        default: '1024',
      }),
    },
  },
} satisfies Topic;
