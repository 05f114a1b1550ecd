import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { MESSAGES, startClientStage, type ClientStage } from '../support/client-stage.js';
import {
  GENERATED,
  clearGenerated,
  compileJava,
  compileTypeScript,
  installClients,
  run,
} from '../support/foreign-clients.js';

const DOCUMENT = fileURLToPath(new URL('../../schema/openapi.json', import.meta.url));
const MYPY = ['--cache-dir', `${GENERATED}/mypy`, '--config-file', 'rest/mypy.ini'];

const EXPECTED = {
  refused: { code: 401, message: 'Invalid credentials' },
  plan: 'plan updated',
  messages: MESSAGES,
};

let stage: ClientStage | undefined;
beforeAll(async () => {
  await installClients();
  clearGenerated();
  stage = await startClientStage();
});
afterAll(() => stage?.close());

const play = (command: string, parameters: readonly string[], variables: Readonly<Record<string, string>> = {}) =>
  stage?.play(command, parameters, EXPECTED, variables);
const playPython = (program: string, ...paths: readonly string[]) =>
  play('python', [program], { PYTHONPATH: ['scenario', ...paths].join(delimiter) });

describe('a client generated from the OpenAPI document', () => {
  const generate = (generator: string, ...options: readonly string[]) => {
    const into = ['--input-spec', DOCUMENT, '--output', `${GENERATED}/${generator}`];
    return run('openapi-generator-cli', ['generate', '--generator-name', generator, ...into, ...options]);
  };

  it('by openapi-typescript, for openapi-fetch', async () => {
    await run('openapi-typescript', [DOCUMENT, '--output', `${GENERATED}/openapi-typescript/schema.ts`]);
    await play('node', [await compileTypeScript('openapi-typescript')]);
  });

  it('by @hey-api/openapi-ts', async () => {
    await run('openapi-ts', ['--input', DOCUMENT, '--output', `${GENERATED}/hey-api`]);
    await play('node', [await compileTypeScript('hey-api')]);
  });

  it('by orval', async () => {
    await run('orval', ['--config', 'rest/orval.config.cjs'], { OPENAPI_DOCUMENT: DOCUMENT });
    await play('node', [await compileTypeScript('orval')]);
  });

  it('by OpenAPI Generator, typescript-fetch', async () => {
    await generate('typescript-fetch');
    await play('node', [await compileTypeScript('typescript-fetch')]);
  });

  it('by OpenAPI Generator, python', async () => {
    await generate('python');
    await run('mypy', [...MYPY, '--ignore-missing-imports', `${GENERATED}/python/openapi_client`]);
    await playPython('rest/openapi_generator_python.py', `${GENERATED}/python`);
  });

  it('by openapi-python-client', async () => {
    const into = ['--meta', 'none', '--output-path', `${GENERATED}/openapi-python-client/flynkle`];
    await run('openapi-python-client', ['generate', '--path', DOCUMENT, ...into]);
    await run('mypy', [...MYPY, `${GENERATED}/openapi-python-client/flynkle`]);
    await playPython('rest/openapi_python_client.py', `${GENERATED}/openapi-python-client`);
  });

  it('by OpenAPI Generator, java', async () => {
    await generate('java', '--library', 'native', '--additional-properties', 'openApiNullable=false');
    const classPath = await compileJava(`${GENERATED}/java/src/main`, 'rest/Scenario.java');
    await play('java', ['-cp', classPath, 'Scenario']);
  });
});

describe('a client of REST written by hand', () => {
  it('with requests, in Python', () => playPython('rest/requests_client.py'));
});
