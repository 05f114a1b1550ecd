import { z } from 'zod';
import { modelsSchema } from '../features/chat/models/model-settings.js';
import { currency, json, modelUrl, positive, text } from './readers.js';
import { optional, secret, withDefault, type Topic } from './setting.js';

export const modelSettings = {
  title: "Language models: OpenAI's API, or a compatible one",
  settings: {
    model: {
      declared: secret('MODELS', json.pipe(modelsSchema(modelUrl)), {
        description:
          'The models that users can choose from, as a JSON list on one line; it replaces the variables OPENAI_... Each has a name (shown to users), contextTokens (of prompt and answer together) and maxReplyTokens (of an answer); and optionally id (by which the provider knows it), baseUrl (of the API), keyVariable (the name of the environment variable that has the key, which may also be given as <variable>_FILE), takes (images, tools), price (for a million tokens: prompt, cached, completion), plans (that may use it; all by default), fallback (the name of the model that answers while this one fails) and default (true for the model that is asked where none is named; else the first).',
        example:
          '[{"name":"fast","id":"gpt-4o-mini","keyVariable":"OPENAI_API_KEY","contextTokens":128000,"maxReplyTokens":4096,"takes":["images","tools"],"price":{"prompt":0.15,"cached":0.075,"completion":0.6}},{"name":"local","id":"llama3.3","baseUrl":"http://localhost:11434/v1","contextTokens":32000,"maxReplyTokens":2048,"plans":["pro"],"fallback":"fast"}]',
      }),
      currency: withDefault('CURRENCY', currency, {
        description: 'Currency of all prices, those of models and of plans, by its code of ISO 4217.',
        default: 'USD',
      }),
      breakerFailures: withDefault('MODEL_BREAKER_FAILURES', positive(1_000), {
        description:
          "Failures of a model's provider in a row, each try counted, after which it is not asked for a while, and the model's fallback answers in its place.",
        default: '5',
      }),
      breakerSeconds: withDefault('MODEL_BREAKER_SECONDS', positive(3_600), {
        description: 'Seconds after which such a provider is asked again, by one question at first.',
        default: '30',
      }),
      apiKey: secret('OPENAI_API_KEY', text, {
        description:
          'API key. If neither this nor OPENAI_BASE_URL nor MODELS is set, a built-in stand-in answers; in production, chat is refused.',
      }),
      baseUrl: optional('OPENAI_BASE_URL', modelUrl, {
        description: "Base URL of the API. Default: OpenAI's own.",
        example: 'https://api.openai.com/v1',
      }),
      name: withDefault('OPENAI_MODEL', text, {
        description: 'Name of the model.',
        default: 'gpt-4o-mini',
      }),
      contextTokens: withDefault('OPENAI_CONTEXT_TOKENS', positive(100_000_000), {
        description: "The model's context window in tokens, for prompt and answer together.",
        default: '128000',
      }),
      maxReplyTokens: withDefault('OPENAI_MAX_REPLY_TOKENS', positive(1_000_000), {
        description: 'Maximum tokens of an answer; must be smaller than OPENAI_CONTEXT_TOKENS.',
        default: '1024',
      }),
      stallSeconds: withDefault('MODEL_STALL_SECONDS', positive(3_600), {
        description:
          'Seconds of silence, before the first text of an answer or within it, after which the model counts as failed.',
        default: '20',
      }),
      maxReplySeconds: withDefault('MAX_REPLY_SECONDS', positive(86_400), {
        description: 'Maximum seconds that an answer may take; what had come by then is kept.',
        default: '600',
      }),
      maxReplyCharacters: withDefault('MAX_REPLY_CHARACTERS', positive(4_000_000), {
        description: 'Maximum characters of an answer; what had come by then is kept.',
        default: '1000000',
      }),
    },
    titles: {
      by: withDefault('CONVERSATION_TITLES', z.enum(['off', 'model']), {
        description:
          "Who gives a conversation without a title one: with `model`, a model is asked after the first answer. It takes a few hundred tokens of the user's plan for a conversation, which the ledger shows as TITLE.",
        default: 'off',
      }),
      model: optional('CONVERSATION_TITLE_MODEL', text, {
        description:
          'Name of the model of MODELS that gives titles, also to users whose plan may not choose it. Default: the one that is asked where none is named.',
        example: 'fast',
      }),
    },
  },
} satisfies Topic;
