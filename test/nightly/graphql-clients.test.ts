import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { MESSAGES, startClientStage, type ClientStage } from '../support/client-stage.js';
import { clearGenerated, compileGraphQLClients, installClients } from '../support/foreign-clients.js';

const SCHEMA = fileURLToPath(new URL('../../schema/schema.graphql', import.meta.url));

const EXPECTED = {
  refused: { code: 'UNAUTHENTICATED', message: 'Invalid credentials' },
  plan: 'pro',
  messages: [...MESSAGES, ['user', 'complete', 'And then?'], ['ai', 'partial', 'Never ']],
};

let stage: ClientStage | undefined;
let programs: string;
beforeAll(async () => {
  await installClients();
  clearGenerated();
  programs = await compileGraphQLClients();
  stage = await startClientStage();
});
afterAll(() => stage?.close());

const play = (command: string, program: string, variables: Readonly<Record<string, string>>) =>
  stage?.play(command, [program], EXPECTED, variables);
const playNode = (name: string) => play('node', join(programs, `${name}.mjs`), { SCHEMA });

describe('a client of GraphQL', () => {
  it('Apollo Client, with persisted queries, uploads and graphql-ws', () => playNode('apollo'));
  it('urql, with graphcache, uploads and graphql-sse', () => playNode('urql'));
  it("Relay's compiler and runtime, with a connection by pages, uploads and graphql-ws", () => playNode('relay'));
  it('eventsource, with a ticket for the stream', () => playNode('event-source'));
  it('gql for Python, with aiohttp and websockets', () =>
    play('python', 'graphql/gql_client.py', { PYTHONPATH: 'scenario' }));
});
