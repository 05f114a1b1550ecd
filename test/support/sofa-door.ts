import { jest } from '@jest/globals';
import type { DocumentNode } from 'graphql';
import { errorAnswer } from '../../src/doors/rest/envelope.js';
import type { RestDoorOptions } from '../../src/doors/rest/rest-door.js';
import { buildRestView, type RestOperation, type RestView } from '../../src/doors/rest/rest-view.js';
import { sofaRouter } from '../../src/doors/rest/sofa.js';
import type { RequestContext } from '../../src/graphql/context.js';
import type { Prepared } from '../../src/graphql/pipeline.js';
import type { Rows } from '../../src/ports/database.js';
import type { TestApp, TestAppOptions } from './app.js';
import type { HttpCall } from './generated-call.js';
import { startModelServer } from './model-server.js';
import { keepFreeOfSecrets, noteSecrets } from './secrets/suite-secrets.js';

/** An answer without its envelope. */
export interface DoorAnswer {
  readonly status: number;
  readonly message: string;
  readonly data: unknown;
}

export type AppHere = Pick<TestApp, 'url' | 'model' | 'database' | 'close'>;

/** The service, and SOFA's own router over the same view, the same pipeline and the same data. */
export interface AppWithSofa {
  readonly app: AppHere;
  readonly ours: (call: HttpCall) => Promise<DoorAnswer>;
  readonly sofas: (call: HttpCall, operation: RestOperation) => Promise<DoorAnswer>;
}

const USER_AGENT = 'differential test';

/** SOFA's router is called in memory. It has no socket, so nobody reaches its `/webhook`. */
export async function startAppWithSofa(options: TestAppOptions): Promise<AppWithSofa> {
  const { app, doorOptions } = await startAppAndKeepDoorOptions(options);
  const router = routerOf(buildRestView(doorOptions.schema), doorOptions);
  const request = ({ method, headers, body }: HttpCall) => ({
    method,
    headers: { 'user-agent': USER_AGENT, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return {
    app,
    ours: async (call) => {
      const response = await fetch(app.url + call.path, { ...request(call), redirect: 'manual' });
      const { message, data } = (await response.json()) as DoorAnswer;
      return { status: response.status, message, data };
    },
    sofas: async (call, operation) => {
      const response = await router.fetch(`http://localhost${call.path}`, request(call));
      const answer: unknown = await response.json();
      return response.ok ? { status: 200, message: 'Success', data: answer } : refusal(answer, operation);
    },
  };
}

/** SOFA answers with the pipeline's errors as they are: here in the status and the words that the route has for them. */
function refusal(answer: unknown, { route, plan }: RestOperation): DoorAnswer {
  const [error] = (answer as { readonly errors: readonly Parameters<typeof errorAnswer>[0][] }).errors;
  if (error?.extensions === undefined) throw new Error(`SOFA answers ${JSON.stringify(answer)}`);
  const { status, message, data } = errorAnswer(error, route.errors ?? [], plan.toWireField);
  return { status, message, data: data ?? null };
}

function routerOf(view: RestView, { pipelineFor, makeContext }: RestDoorOptions): ReturnType<typeof sofaRouter> {
  const pipeline = pipelineFor(view.schema);
  const prepared = new Map<DocumentNode, Prepared>();
  return sofaRouter(view, {
    execute: ({ document, contextValue, variableValues, operationName }) => {
      const known = prepared.get(document) ?? pipeline.prepareOwn(document);
      prepared.set(document, known);
      return pipeline.execute(known, {
        context: contextValue as RequestContext,
        variables: variableValues ?? null,
        operationName,
      });
    },
    context: ({ request: { headers } }) => {
      return makeContext({
        requestId: crypto.randomUUID(),
        door: 'rest',
        credentials: {
          authorization: headers.get('authorization'),
          userId: null,
          internalKey: null,
          peerAddress: '127.0.0.1',
          isFromBrowser: false,
        },
        peer: { ipAddress: '127.0.0.1', forwardedFor: null, userAgent: headers.get('user-agent') },
        signal: () => new AbortController().signal,
      });
    },
  });
}

/**
 * The service gives its REST door private options, so it runs in this process, with the maker of the door watched. Must come
 * before any import of the app.
 */
async function startAppAndKeepDoorOptions(options: TestAppOptions) {
  const path = '../../src/doors/rest/rest-door.js';
  const actual = await import('../../src/doors/rest/rest-door.js');
  const createRestDoor = jest.fn(actual.createRestDoor);
  jest.unstable_mockModule(path, () => ({ ...actual, createRestDoor }));
  // The bundle has a maker of its own.
  delete process.env['TEST_PROGRAM'];
  const { HostedService } = await import('./host/hosted-service.js');
  const model = await startModelServer();
  const modelPort = Number(new URL(model.url).port);
  const watch = { secrets: noteSecrets, log: (text: string) => keepFreeOfSecrets(() => text) };
  const service = await HostedService.start({ stores: 'embedded', settings: {}, ...options, modelPort }, watch);
  const app: AppHere = {
    url: service.started().url,
    model,
    database: {
      query: async <Row>(text: string, values?: readonly unknown[]) => (await service.query(text, values)) as Rows<Row>,
    },
    async close() {
      await service.close();
      await model.close();
    },
  };
  const [[doorOptions] = []] = createRestDoor.mock.calls;
  if (doorOptions === undefined) throw new Error('The service has made no REST door');
  return { app, doorOptions };
}
