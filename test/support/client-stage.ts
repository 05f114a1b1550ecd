import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { startFaultProxy } from './fault-proxy.js';
import { run } from './foreign-clients.js';
import { startModelServer } from './model-server.js';
import { killPrograms, startProgram } from './program.js';

/** What every client prints in the end (`test/clients/scenario`), but for its address and what its door says in words of its own. */
const EXPECTED = {
  filename: 'notes.txt',
  fileText: 'what it says',
  answer: 'Hello.',
  streamed: 'Try Madeira in March.',
  stopped: 'Never ',
  deleted: 'Holiday plans',
};

/** What is stored of it. */
export const MESSAGES: readonly (readonly string[])[] = [
  ['user', 'complete', 'Hello?'],
  ['ai', 'complete', EXPECTED.answer],
  ['user', 'complete', 'Where is it warm in March?'],
  ['ai', 'complete', EXPECTED.streamed],
];

export interface ClientStage {
  /**
   * Runs a client's scenario against the service.
   * @param expected what it prints beside what all do
   */
  play(
    command: string,
    parameters: readonly string[],
    expected: object,
    variables?: Readonly<Record<string, string>>,
  ): Promise<void>;
  close(): Promise<void>;
}

/**
 * The compiled service, and a model that plays its part in the scenario. Clients reach the service through a proxy, and have
 * their connections broken by `POST $STAGE_URL/cut`.
 */
export async function startClientStage(): Promise<ClientStage> {
  const directory = await mkdtemp(join(tmpdir(), 'flynkle-clients-'));
  const model = await startModelServer();
  const program = await startProgram({ DATA_DIR: directory, OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: model.url });
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(program.url).port) });
  let afterCut = Promise.withResolvers<undefined>();
  const prompter = createServer((request, response) => {
    if (request.method === 'POST' && request.url === '/cut') {
      proxy.reset();
      afterCut.resolve(undefined);
    }
    response.writeHead(request.url === '/cut' ? 204 : 404).end();
  });
  prompter.listen(0, '127.0.0.1');
  await once(prompter, 'listening');
  const address = prompter.address();
  if (address === null || typeof address === 'string') throw new Error('The prompter has no port');
  const addresses = {
    SERVICE_URL: `http://127.0.0.1:${proxy.port}`,
    STAGE_URL: `http://127.0.0.1:${address.port}`,
  };

  return {
    async play(command, parameters, expected, variables = {}) {
      // A client that failed leaves answers behind.
      model.forget();
      const before = model.requests.length;
      afterCut = Promise.withResolvers();
      model.reply(
        { chunks: [EXPECTED.answer], usage: 5 },
        { chunks: ['Try ', 'Madeira ', 'in ', 'March.'], hold: { after: 2, until: afterCut.promise }, usage: 7 },
        { chunks: [EXPECTED.stopped, 'ending.'], stallAfter: 1 },
      );
      const email = `${randomBytes(8).toString('hex')}@example.com`;
      const output = await run(command, parameters, { ...variables, ...addresses, EMAIL: email });
      expect(JSON.parse(output)).toEqual({ ...EXPECTED, ...expected, email });
      // The model was asked once for each, and was told to stop.
      expect(model.requests).toHaveLength(before + 3);
      expect(await model.requests.at(-1)?.abortedByClient).toBe(true);
    },
    async close() {
      await killPrograms();
      prompter.closeAllConnections();
      prompter.close();
      await proxy.close();
      await model.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
