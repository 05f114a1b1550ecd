import { buildOperationNodeForField } from '@graphql-tools/utils';
import { Kind, OperationTypeNode, visit, type DocumentNode, type GraphQLSchema } from 'graphql';
import { createSofa } from 'sofa-api';
import type { RestRoute } from '../../graphql/rest-route.js';
import type { RestOperation, RestView } from './rest-view.js';

/** Where every route of the contract lives. */
export const BASE_PATH = '/api/v1';

/** The document that answers a route: one root field of the view, with all that it can give. */
export interface RouteDocument {
  readonly document: DocumentNode;
  readonly operationName: string;
}

/**
 * SOFA's reading of the view. Its own router is never made: it would bring `/webhook`, an open relay, and reads requests
 * loosely (docs/decisions).
 */
export function sofaOf({ schema, operations }: Pick<RestView, 'schema' | 'operations'>) {
  return createSofa({
    basePath: BASE_PATH,
    schema,
    routes: Object.fromEntries(
      operations.map((operation) => [
        `${operation.route.method === 'GET' ? 'Query' : 'Mutation'}.${operation.route.operationId}`,
        { ...sofaRoute(operation), responseStatus: 200 as const },
      ]),
    ),
  });
}

/** A route as SOFA's own tables have it: path parameters written `:name`. */
export function sofaRoute({ route, description }: RestOperation) {
  return {
    method: route.method,
    path: toColonPath(route.path),
    tags: [route.tag],
    description: description ?? route.summary,
  };
}

export function toColonPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

/** The document of a route as SOFA makes it. A wire object is always whole: none is collapsed to its id as SOFA's models are. */
export function routeDocument(sofa: ReturnType<typeof sofaOf>, route: RestRoute): RouteDocument {
  return documentOf(
    sofa.schema,
    route.method === 'GET' ? OperationTypeNode.QUERY : OperationTypeNode.MUTATION,
    route.operationId,
  );
}

/** The document of a stream, which also asks for the type of each event. */
export function streamDocument(schema: GraphQLSchema, operationId: string): RouteDocument {
  const { document, operationName } = documentOf(schema, OperationTypeNode.SUBSCRIPTION, operationId);
  const typeName = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } } as const;
  return {
    operationName,
    document: visit(document, {
      Field(node) {
        // Events that call fields of different types by one name would come out under SOFA's aliases.
        if (node.alias) throw new Error(`${operationId}: its events have different types for ${node.name.value}`);
        if (node.name.value !== operationId || !node.selectionSet) return undefined;
        const selections = [typeName, ...node.selectionSet.selections];
        return { ...node, selectionSet: { ...node.selectionSet, selections } };
      },
    }),
  };
}

function documentOf(schema: GraphQLSchema, kind: OperationTypeNode, field: string): RouteDocument {
  const operation = buildOperationNodeForField({ schema, kind, field, circularReferenceDepth: 1 });
  return {
    document: { kind: Kind.DOCUMENT, definitions: [operation] },
    operationName: operation.name?.value ?? field,
  };
}
