import { OfflineLanguageModel } from '../../src/adapters/offline-model/offline-language-model.js';
import { OpenAiLanguageModel } from '../../src/adapters/openai/openai-language-model.js';
import { startModelServer } from '../support/model-server.js';
import { languageModelContract } from './language-model.contract.js';

languageModelContract('the OpenAI adapter', async (test) => {
  const server = await startModelServer();
  try {
    await test(
      new OpenAiLanguageModel({ apiKey: 'key', baseUrl: server.url, model: 'gpt-4o-mini', log: { warn: () => {} } }),
    );
  } finally {
    await server.close();
  }
});

languageModelContract('the offline responder', (test) => test(new OfflineLanguageModel(1)));
