import { GraphQLObjectType, GraphQLSchema, Kind, OperationTypeNode, visit, type DocumentNode } from 'graphql';
import { createSofa, createSofaRouter } from 'sofa-api';
import type { AnyRestRoute } from '../../rest/route.js';
import type { RestOperation, RestView } from './rest-view.js';
import { BASE_PATH, toColonPath } from './sofa-operations.js';

type SofaConfig = Parameters<typeof createSofa>[0];
type SofaRouter = ReturnType<typeof createSofaRouter>;
type AnyOperation = RestOperation<AnyRestRoute>;

/** A schema for SOFA, with the routes of its root fields. */
export interface SofaSubject {
  readonly schema: GraphQLSchema;
  readonly operations: readonly AnyOperation[];
}

/** A route of SOFA's router, and the document that it executes. */
export interface SofaRoute {
  readonly operation: AnyOperation;
  readonly method: string;
  /** In OpenAPI's form: `/users/{user_id}`. */
  readonly path: string;
  readonly document: DocumentNode;
}

/**
 * SOFA's own router over a schema. It must never be reachable from outside: it serves `POST /webhook`, which makes the service
 * send requests to any URL (docs/decisions/0002).
 */
export function sofaRouter(
  { schema, operations }: SofaSubject,
  handlers: Required<Pick<SofaConfig, 'execute'>> & Pick<SofaConfig, 'context'>,
): SofaRouter {
  const kindOf = (field: string) => (schema.getQueryType()?.getFields()[field] ? 'Query' : 'Mutation');
  const routes = Object.fromEntries(
    operations.map(({ route: { operationId, method, path, tag } }) => [
      `${kindOf(operationId)}.${operationId}`,
      { method, path: toColonPath(path), tags: [tag], responseStatus: 200 as const },
    ]),
  );
  const sofa = createSofa({ basePath: BASE_PATH, schema, routes, ...handlers });
  // SOFA answers with the bare id of a "model" inside another object; REST answers with whole objects, so there are no models.
  return createSofaRouter({ ...sofa, models: [] });
}

/**
 * SOFA's routes with their documents. SOFA reveals a document only to `execute`, so each route is called once, in memory
 * and without input.
 */
export async function recordRoutes(subject: SofaSubject): Promise<readonly SofaRoute[]> {
  const byField = new Map(subject.operations.map((operation) => [operation.route.operationId, operation]));
  const recorded: DocumentNode[] = [];
  const router = sofaRouter(subject, {
    execute: ({ document }) => {
      recorded.push(document);
      return { data: {} };
    },
  });
  const routes: SofaRoute[] = [];
  for (const [path, methods] of Object.entries(router.openAPIDocument.paths ?? {})) {
    for (const method of Object.keys(methods).map((name) => name.toUpperCase())) {
      await router.fetch(`http://localhost${BASE_PATH}${path.replace(/\{\w+\}/g, '1')}`, { method });
      const document = recorded.pop();
      const operation = document && byField.get(rootFieldOf(document));
      if (document === undefined || operation?.route.method !== method || operation.route.path !== path) {
        throw new Error(`SOFA does not answer ${method} ${path} with the operation of that route`);
      }
      routes.push({ operation, method, path, document });
    }
  }
  if (routes.length !== subject.operations.length) throw new Error('SOFA has no route for some operations');
  return routes;
}

function rootFieldOf({ definitions }: DocumentNode): string {
  const [definition] = definitions;
  const selection = definition?.kind === Kind.OPERATION_DEFINITION ? definition.selectionSet.selections[0] : undefined;
  return selection?.kind === Kind.FIELD ? selection.name.value : '';
}

/** Presents subscriptions to SOFA as queries, since it does not serve subscriptions over HTTP. Their documents are the same. */
export function streamsAsQueries({ streamSchema, streams, files }: RestView): SofaSubject | undefined {
  const type = streamSchema?.getSubscriptionType();
  if (!type) return undefined;
  const { fields } = type.toConfig();
  return {
    schema: new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) }),
    operations: [...streams, ...files],
  };
}

/** Turns SOFA's query for a stream into the subscription. It also selects the type name of each event. */
export function asSubscription({ document, operation }: SofaRoute): DocumentNode {
  const { operationId } = operation.route;
  const typeName = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } } as const;
  return visit(document, {
    OperationDefinition: (node) => ({
      ...node,
      operation: OperationTypeNode.SUBSCRIPTION,
      name: { kind: Kind.NAME, value: `${operationId}_subscription` } as const,
    }),
    Field(node) {
      // SOFA would give fields of one name but different types in several events an alias, which clients would see.
      if (node.alias) throw new Error(`${operationId}: its events have different types for ${node.name.value}`);
      if (node.name.value !== operationId || !node.selectionSet) return undefined;
      const selections = [typeName, ...node.selectionSet.selections];
      return { ...node, selectionSet: { ...node.selectionSet, selections } };
    },
  });
}
