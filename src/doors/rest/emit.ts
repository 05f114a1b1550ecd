import { Kind, print, type DocumentNode, type GraphQLSchema } from 'graphql';
import { openApiDocument, type OpenApiDocument } from './openapi.js';
import { sofaDocument } from './openapi-base.js';
import { REFERENCE, type Reference } from './reference.js';
import { buildRestView } from './rest-view.js';
import { asSubscription, recordRoutes, streamsAsQueries, type SofaRoute } from './sofa.js';
import type { WrittenOperation } from './sofa-operations.js';

/**
 * Generates with SOFA the operations of a schema's REST view, and the refined OpenAPI document. It takes a second, so
 * `npm run schema` does it and the program reads the files. The same schema gives the same files, byte for byte.
 */
export async function emitRest(
  main: GraphQLSchema,
  version: string,
  reference: Reference = REFERENCE,
): Promise<{ readonly operations: readonly WrittenOperation[]; readonly document: OpenApiDocument }> {
  const view = buildRestView(main);
  const operations = await recordRoutes(view);
  const streamSubject = streamsAsQueries(view);
  const streams = streamSubject === undefined ? [] : await recordRoutes(streamSubject);
  const written = [
    ...operations.map((route) => writtenOperation(route, route.document)),
    ...streams.map((route) => writtenOperation(route, asSubscription(route))),
  ];
  return {
    operations: written.sort((one, other) => (placeOf(one) < placeOf(other) ? -1 : 1)),
    document: openApiDocument(
      view,
      {
        operations: sofaDocument(view.schema, operations, version, reference),
        streams: streamSubject && sofaDocument(streamSubject.schema, streams, version, reference),
      },
      reference,
    ),
  };
}

function placeOf({ path, method, operationId }: WrittenOperation): string {
  return [path, method, operationId].join(' ');
}

function writtenOperation({ operation, method, path }: SofaRoute, document: DocumentNode): WrittenOperation {
  const { operationId } = operation.route;
  return { operationId, method, path, operationName: operationNameOf(document), document: print(document).split('\n') };
}

function operationNameOf({ definitions }: DocumentNode): string {
  const [definition] = definitions;
  const name = definition?.kind === Kind.OPERATION_DEFINITION ? definition.name?.value : undefined;
  if (name === undefined) throw new Error('An operation has no name');
  return name;
}
