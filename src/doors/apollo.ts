import type { ServerResponse } from 'node:http';
import { ApolloServer, HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { GraphQLError } from 'graphql';
import type { Log } from '../kernel/log.js';
import type { Pipeline } from '../graphql/pipeline.js';
import { headersOfResult, sendText, statusOfResult } from './answer.js';
import type { GraphQLRequest } from './graphql-request.js';

export interface ApolloDoor {
  handle(request: GraphQLRequest, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

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
          const result = await pipeline.execute(prepared, { context, ...parameters });
          return {
            http: {
              status: statusOfResult(result, negotiated),
              headers: new HeaderMap(Object.entries(headersOfResult(result))),
            },
            body: {
              kind: 'single',
              singleResult: {
                ...(result.data === undefined ? {} : { data: result.data }),
                ...(result.errors === undefined ? {} : { errors: result.errors.map((error) => error.toJSON()) }),
              },
            },
          };
        },
      }),
  };
}

/**
 * The Apollo Server that answers with JSON. Usage reports and the landing page are off even if Apollo's environment variables
 * turn them on. So is cache control, since it rewrites the resolvers of the schema that all doors share.
 */
export async function createApolloDoor(pipeline: Pipeline, log: Log): Promise<ApolloDoor> {
  const apollo = new ApolloServer<GraphQLRequest>({
    schema: pipeline.schema,
    documentStore: null,
    persistedQueries: false,
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
      const { query, operationName, variables } = request.parameters;
      const { http, body } = await apollo.executeOperation(
        { query, variables: variables ?? {}, ...(operationName !== null && { operationName }) },
        { contextValue: request },
      );
      if (body.kind === 'incremental') throw new GraphQLError('Incremental delivery is not part of this schema');
      const { type } = request.negotiated;
      const text = `${JSON.stringify(body.singleResult)}\n`;
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
