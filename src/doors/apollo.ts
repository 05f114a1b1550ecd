import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { ApolloServer, HeaderMap, type ApolloServerPlugin, type GraphQLResponse } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { GraphQLError } from 'graphql';
import type { Log } from '../kernel/log.js';
import type { Pipeline, Prepared } from '../graphql/pipeline.js';
import { jsonText } from '../graphql/written-lists.js';
import { headersOfResult, sendText, statusOfResult } from './answer.js';
import type { GraphQLRequest } from './graphql-request.js';

export interface ApolloDoor {
  handle(request: GraphQLRequest, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

/** The head of an answer without errors: Apollo adds it to its own, and leaves it as it is. */
const SUCCESS = { status: 200, headers: new HeaderMap() };

/**
 * Makes Apollo execute the prepared document through the shared pipeline, and answer with the pipeline's result (its errors
 * already mapped), status and headers.
 */
function pipelinePlugin(pipeline: Pipeline): ApolloServerPlugin<GraphQLRequest> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveSource: (request) => {
          // With a document set, Apollo neither parses nor validates.
          Object.assign(request, { document: request.contextValue.prepared.document });
          return Promise.resolve();
        },
        responseForOperation: async ({ contextValue: { prepared, parameters, negotiated, context } }) => {
          const result = await pipeline.execute(prepared, { context, ...parameters, takesText: true });
          return result.errors === undefined
            ? { http: SUCCESS, body: { kind: 'single', singleResult: { data: result.data ?? null } } }
            : {
                http: {
                  status: statusOfResult(result, negotiated),
                  headers: new HeaderMap(Object.entries(headersOfResult(result))),
                },
                body: {
                  kind: 'single',
                  singleResult: {
                    ...(result.data === undefined ? {} : { data: result.data }),
                    errors: result.errors.map((error) => error.toJSON()),
                  },
                },
              };
        },
      }),
  };
}

/** A SHA-256 hash in hexadecimal. */
const HASH_LENGTH = 64;

/**
 * The documents of requests that are on their way through Apollo, for which each is a persisted query: Apollo hashes the text of any
 * other one for each request, and here each prepared document is hashed once.
 */
class RunningDocuments {
  readonly #hashes = new WeakMap<Prepared, string>();
  readonly #running = new Map<string, { readonly text: string; requests: number }>();

  /** @returns the hash by which Apollo finds the text until {@link leave} is called with it, as often as this was */
  enter({ prepared, parameters: { query: text } }: GraphQLRequest): string {
    let hash = this.#hashes.get(prepared);
    if (hash === undefined) {
      hash = createHash('sha256').update(text).digest('hex');
      this.#hashes.set(prepared, hash);
    }
    const document = this.#running.get(hash);
    if (document === undefined) this.#running.set(hash, { text, requests: 1 });
    else document.requests += 1;
    return hash;
  }

  leave(hash: string): void {
    const document = this.#running.get(hash);
    if (document === undefined) return;
    document.requests -= 1;
    if (document.requests === 0) this.#running.delete(hash);
  }

  /** For Apollo, which puts a prefix before the hash. */
  readonly cache = {
    get: (key: string) => Promise.resolve(this.#running.get(key.slice(-HASH_LENGTH))?.text),
    set: () => Promise.resolve(),
    delete: () => Promise.resolve(),
  };
}

/**
 * The Apollo Server that answers with JSON. Usage reports and the landing page are off even if Apollo's environment variables
 * turn them on. So is cache control, since it rewrites the resolvers of the schema that all doors share.
 */
export async function createApolloDoor(pipeline: Pipeline, log: Log): Promise<ApolloDoor> {
  const documents = new RunningDocuments();
  const apollo = new ApolloServer<GraphQLRequest>({
    schema: pipeline.schema,
    documentStore: null,
    persistedQueries: { cache: documents.cache },
    stopOnTerminationSignals: false,
    includeStacktraceInErrorResponses: false,
    introspection: true,
    logger: apolloLogger(log),
    plugins: [
      pipelinePlugin(pipeline),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });
  await apollo.start();
  return {
    async handle(request, response) {
      const { operationName, variables } = request.parameters;
      const sha256Hash = documents.enter(request);
      let answer: GraphQLResponse;
      try {
        answer = await apollo.executeOperation(
          {
            extensions: { persistedQuery: { version: 1, sha256Hash } },
            variables: variables ?? {},
            ...(operationName !== null && { operationName }),
          },
          { contextValue: request },
        );
      } finally {
        documents.leave(sha256Hash);
      }
      const { http, body } = answer;
      if (body.kind === 'incremental') throw new GraphQLError('Incremental delivery is not part of this schema');
      const { type } = request.negotiated;
      const text = `${jsonText(body.singleResult)}\n`;
      sendText(response, text, type, http.status ?? 200, Object.fromEntries(http.headers));
    },
    close: () => apollo.stop(),
  };
}

function apolloLogger(log: Log) {
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (message: unknown) => {
      log.warn({ from: 'Apollo Server' }, String(message));
    },
    error: (message: unknown) => {
      log.error({ from: 'Apollo Server' }, String(message));
    },
  };
}
