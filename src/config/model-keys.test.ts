import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig, type Environment } from '../config.js';

const SECRET = 'Vq3nJ0xwZr8kTb5yLd1mGf7sHc2pXe9u';
const PRODUCTION = { NODE_ENV: 'production', SECRET_KEY: SECRET };
const KEY = { FAST_KEY: 'sk-8f3kd02jf83hfk20' };

const fast = { name: 'fast', contextTokens: 8_000, maxReplyTokens: 500 };
const read = (...models: unknown[]) => ({ MODELS: JSON.stringify(models) });

function faults(environment: Environment): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

const directory = mkdtempSync(join(tmpdir(), 'flynkle-models-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});
const fileOf = (name: string, text: string) => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

describe('the models', () => {
  it('are one where none are listed, made of the older variables', () => {
    const only = { contextTokens: 128_000, maxReplyTokens: 1_024, plans: null, price: null, fallback: null };
    expect(readConfig({}).models).toMatchObject([{ name: 'offline', status: 'offline', ...only }]);
    expect(readConfig(PRODUCTION).models).toMatchObject([{ name: 'gpt-4o-mini', status: 'missing' }]);
    const set = { OPENAI_API_KEY: 'sk-x', OPENAI_MODEL: 'gpt-5', OPENAI_MAX_REPLY_TOKENS: '99' };
    expect(readConfig(set).models).toMatchObject([
      { name: 'gpt-5', id: 'gpt-5', apiKey: 'sk-x', baseUrl: undefined, maxReplyTokens: 99, status: 'configured' },
    ]);
  });

  it('have their keys in variables or files of their own, and defaults for what is left out', () => {
    const wise = {
      name: 'wise',
      id: 'model/wise-1',
      baseUrl: 'https://models.example.com/v1',
      keyVariable: 'WISE_KEY',
      contextTokens: 100_000,
      maxReplyTokens: 4_000,
      takes: ['images'],
      price: { prompt: '1.25', cached: 0.000001, completion: 10 },
      plans: ['pro'],
      fallback: 'fast',
      default: true,
    };
    const models = [{ ...fast, keyVariable: 'FAST_KEY', price: { prompt: 0.15, completion: 0.6 } }, wise];
    const environment = { ...KEY, WISE_KEY_FILE: fileOf('key', 'sk-wise\n') };
    const expected = [
      {
        name: 'fast',
        id: 'fast',
        baseUrl: undefined,
        apiKey: KEY.FAST_KEY,
        takesImages: false,
        takesTools: false,
        price: { prompt: '0.15', cached: '0.15', completion: '0.6' },
        plans: null,
        fallback: null,
        isDefault: false,
        status: 'configured',
      },
      {
        name: 'wise',
        id: 'model/wise-1',
        apiKey: 'sk-wise',
        takesImages: true,
        price: { prompt: '1.25', cached: '0.000001', completion: '10' },
        plans: ['pro'],
        fallback: 'fast',
        isDefault: true,
      },
    ];
    expect(readConfig({ ...environment, ...read(...models) }).models).toMatchObject(expected);
    const file = fileOf('models.json', JSON.stringify(models, null, 2));
    expect(readConfig({ ...environment, MODELS_FILE: file }).models).toMatchObject(expected);
  });

  it.each<[string, unknown[], string]>([
    ['no list', [], 'MODELS: needs one model at least'],
    ['a name with spaces', [{ ...fast, name: 'my model' }], 'MODELS.0.name: must be 1 to 64 letters'],
    [
      'a key in place of its variable',
      [{ ...fast, keyVariable: 'sk-8f3kd02j' }],
      'MODELS.0.keyVariable: must be the name of an environment variable',
    ],
    [
      'the path of an operation',
      [{ ...fast, baseUrl: 'https://a.example.com/v1/chat/completions' }],
      'MODELS.0.baseUrl: must be the base of the API',
    ],
    [
      'an answer as long as the context',
      [{ ...fast, maxReplyTokens: 8_000 }],
      'MODELS.0.maxReplyTokens: must be smaller than contextTokens',
    ],
    [
      'a limit that is a text',
      [{ ...fast, contextTokens: '8000' }],
      'MODELS.0.contextTokens: must be a whole number from 1 to 100000000',
    ],
    [
      'a price below zero',
      [{ ...fast, price: { prompt: -1, completion: 1 } }],
      'MODELS.0.price.prompt: must be a number of at most 6 decimals',
    ],
    [
      'a price of seven decimals',
      [{ ...fast, price: { prompt: 1, completion: 0.0000001 } }],
      'MODELS.0.price.completion: must be a number of at most 6 decimals',
    ],
    ['what no model takes', [{ ...fast, takes: ['videos'] }], 'MODELS.0.takes.0: must be images or tools'],
    ['an unknown key', [{ ...fast, apiKey: 'sk-8f3kd02j' }], 'apiKey'],
    ['two of one name', [fast, fast], "MODELS.1.name: is another model's too: fast"],
    [
      'two defaults',
      [
        { ...fast, default: true },
        { ...fast, name: 'wise', default: true },
      ],
      'MODELS.1.default: must be true for one model alone; it is for fast, too',
    ],
    [
      'an unknown fallback',
      [
        { ...fast, fallback: 'slow' },
        { ...fast, name: 'wise' },
      ],
      'MODELS.0.fallback: must be the name of another model; there are: wise',
    ],
    ['a fallback to itself', [{ ...fast, fallback: 'fast' }], 'MODELS.0.fallback: leads back to fast'],
    [
      'an unknown plan',
      [
        { ...fast, plans: ['gold'] },
        { ...fast, name: 'wise' },
      ],
      'MODELS, PLANS: the model fast is for the plan gold, and there are: free, pro',
    ],
    [
      'a plan without a model',
      [{ ...fast, plans: ['pro'] }],
      'MODELS, PLANS: the plan free may use none of the models',
    ],
    [
      'a variable that is not set',
      [{ ...fast, keyVariable: 'NO_KEY' }],
      'MODELS: the key of fast must be in NO_KEY or NO_KEY_FILE, and neither is set',
    ],
  ])('are refused with %s, in words that say what to write', (_, models, fault) => {
    expect(faults(read(...models))).toEqual([expect.stringContaining(fault)]);
  });

  it('tell all their faults at once, those between them, too', () => {
    const around = [
      { ...fast, fallback: 'wise' },
      { ...fast, name: 'wise', fallback: 'deep' },
      { ...fast, name: 'deep', fallback: 'fast' },
      { ...fast, name: 'broken', contextTokens: 0, fallback: 'nowhere' },
      { ...fast, name: 'aside', fallback: 'broken', keyVariable: 'NO_KEY' },
      { ...fast, name: 'aside' },
      7,
    ];
    expect(faults(read(...around)).map((fault) => fault.split(':')[0])).toEqual([
      'MODELS.3.contextTokens',
      'MODELS.6',
      'MODELS.0.fallback',
      'MODELS.1.fallback',
      'MODELS.2.fallback',
      'MODELS.5.name',
    ]);
  });

  it('have the one that gives titles among them', () => {
    const titlesBy = (name: string) => ({ CONVERSATION_TITLE_MODEL: name });
    expect(faults({ ...read(fast), ...titlesBy('fast') })).toEqual([]);
    expect(faults({ ...read(fast), ...titlesBy('slow') })).toEqual([
      'CONVERSATION_TITLE_MODEL, MODELS: there is no model slow, only: fast',
    ]);
    expect(faults({ OPENAI_MODEL: 'gpt-4o', ...titlesBy('gpt-4o') })).toEqual([]);
  });

  it('never tell a key in a fault', () => {
    const found = faults({ ...PRODUCTION, FAST_KEY: 'your-api-key', ...read({ ...fast, keyVariable: 'FAST_KEY' }) });
    expect(found).toEqual([
      "MODELS: the key of fast, in FAST_KEY, is an example's; write the one that the provider gave you",
    ]);
  });

  it('send no key in the clear in production, but to this machine and to its containers', () => {
    const at = (baseUrl: string) =>
      faults({ ...PRODUCTION, ...KEY, ...read({ ...fast, keyVariable: 'FAST_KEY', baseUrl }) });
    expect(at('http://models.example.com/v1')).toEqual([
      'MODELS: the baseUrl of fast must be an https: URL in production, since its key is sent there',
    ]);
    for (const url of ['https://models.example.com/v1', 'http://localhost:11434/v1', 'http://vllm:8000/v1']) {
      expect(at(url)).toEqual([]);
    }
    expect(faults({ ...PRODUCTION, ...read({ ...fast, baseUrl: 'http://10.0.0.7/v1' }) })).toEqual([]);
  });
});

describe('servers of tools', () => {
  const house = { name: 'house', url: 'https://mcp.example.com/mcp' };
  const servers = (...list: unknown[]) => ({ MCP_SERVERS: JSON.stringify(list) });

  it('have their keys in variables or files of their own, and defaults for what is left out', () => {
    expect(readConfig({}).toolServers).toEqual([]);
    const set = { ...servers({ ...house, keyVariable: 'HOUSE_KEY' }), HOUSE_KEY_FILE: fileOf('house', 'sk-house\n') };
    expect(readConfig(set).toolServers).toEqual([
      {
        ...house,
        keyVariable: 'HOUSE_KEY',
        key: 'sk-house',
        plans: null,
        tools: null,
        timeoutSeconds: 30,
        userHeader: null,
      },
    ]);
  });

  it('tell all their faults at once', () => {
    const wrong = [
      { ...house, name: 'my__house', timeoutSeconds: 0 },
      { ...house, url: 'file:///etc/passwd', userHeader: 'Authorization' },
      { ...house, keyVariable: 'sk-8f3kd02j', plans: [] },
      house,
      house,
    ];
    expect(faults(servers(...wrong))).toEqual([
      expect.stringContaining('MCP_SERVERS.0.name: must be 1 to 30 letters, digits and dashes'),
      expect.stringContaining('MCP_SERVERS.0.timeoutSeconds: must be a whole number of seconds from 1 to 600'),
      expect.stringContaining('MCP_SERVERS.1.url: must be a URL'),
      expect.stringContaining('MCP_SERVERS.1.userHeader: is a header with a meaning of its own'),
      expect.stringContaining('MCP_SERVERS.2.keyVariable: must be the name of an environment variable'),
      expect.stringContaining('MCP_SERVERS.2.plans: must name one plan at least'),
      "MCP_SERVERS.4.name: is another server's too: house",
    ]);
    expect(faults(servers({ ...house, plans: ['gold'], keyVariable: 'NO_KEY' }))).toEqual([
      'MCP_SERVERS, PLANS: the server house is for the plan gold, and there are: free, pro',
      'MCP_SERVERS: the key of house must be in NO_KEY or NO_KEY_FILE, and neither is set',
    ]);
  });

  it('are reached by TLS in production, unless they are on this machine or in a network of containers', () => {
    const at = (url: string) => faults({ ...PRODUCTION, ...servers({ ...house, url }) });
    expect(at('http://mcp.example.com/mcp')).toEqual([
      'MCP_SERVERS: the url of house must be an https: URL in production',
    ]);
    expect([at('http://127.0.0.1:9000/mcp'), at('http://tools:9000/mcp'), at(house.url)]).toEqual([[], [], []]);
  });
});
