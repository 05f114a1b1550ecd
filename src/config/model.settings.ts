import { positive, text, url } from './readers.js';
import { optional, withDefault, type Topic } from './setting.js';

export const modelSettings = {
  title: "Language model: OpenAI's API, or any that is compatible",
  settings: {
    model: {
      apiKey: optional('OPENAI_API_KEY', text, {
        description:
          'Key of the API. With neither this nor OPENAI_BASE_URL set, a stand-in answers; in production, none does.',
      }),
      baseUrl: optional('OPENAI_BASE_URL', url('http:', 'https:'), {
        description: "Address of the API, OpenAI's own unless set.",
        example: 'https://api.openai.com/v1',
      }),
      name: withDefault('OPENAI_MODEL', text, { description: 'Name of the model.', default: 'gpt-4o-mini' }),
      contextTokens: withDefault('OPENAI_CONTEXT_TOKENS', positive(100_000_000), {
        description: "The model's context window in tokens: prompt and answer together.",
        default: '128000',
      }),
      maxReplyTokens: withDefault('OPENAI_MAX_REPLY_TOKENS', positive(1_000_000), {
        description: 'The longest answer in tokens; smaller than OPENAI_CONTEXT_TOKENS.',
        default: '1024',
      }),
    },
  },
} satisfies Topic;
