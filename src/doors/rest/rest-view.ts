import { GraphQLObjectType, GraphQLSchema, GraphQLString, type GraphQLFieldConfigMap } from 'graphql';
import type { ZodType } from 'zod';
import type { RequestContext } from '../../graphql/context.js';
import { idempotencyOf } from '../../graphql/idempotency.js';
import type { Access, OperationExtension } from '../../graphql/operation.js';
import type { TokenAccess } from '../../graphql/token-access.js';
import type { AnyRestRoute, RestFileRoute, RestRoute, RestStreamRoute } from '../../rest/route.js';
import { planInputs, type InputPlan } from './input-plan.js';
import { ViewTypes, fieldsOf, type ViewField } from './view-types.js';

/** A REST operation, ready to serve: its route, who may call it, and its inputs. */
export interface RestOperation<Route extends AnyRestRoute = RestRoute> {
  readonly route: Route;
  /** The field of the main schema. */
  readonly field: string;
  readonly access: Access;
  readonly token: TokenAccess;
  readonly rules: ZodType<object> | undefined;
  readonly description: string | undefined;
  readonly plan: InputPlan;
  /** Whether an `Idempotency-Key` keeps it from being done twice. */
  readonly isKeyed: boolean;
}

export interface RestView {
  /** One root field per route, named by its operation id. It has no Subscription type, for which SOFA would make webhooks. */
  readonly schema: GraphQLSchema;
  readonly operations: readonly RestOperation[];
  /** The schema of the streams and files, which are subscriptions; undefined when there are none. */
  readonly streamSchema: GraphQLSchema | undefined;
  readonly streams: readonly RestOperation<RestStreamRoute>[];
  /** Files are in the same schema as the streams. */
  readonly files: readonly RestOperation<RestFileRoute>[];
}

/**
 * Builds the schema as REST clients see it: names in snake_case, connections as lists, a root field for each route. Its
 * resolvers call the main schema's, with the main schema's arguments.
 * @param main an executable schema whose fields carry `rest`, `restStream`, `restField` and `operation` extensions
 * @throws Error when a route's metadata does not fit its field
 */
export function buildRestView(main: GraphQLSchema): RestView {
  const types = new ViewTypes(main);
  const queries: GraphQLFieldConfigMap<unknown, RequestContext> = {};
  const mutations: GraphQLFieldConfigMap<unknown, RequestContext> = {};
  const subscriptions: GraphQLFieldConfigMap<unknown, RequestContext> = {};
  const operations: RestOperation[] = [];
  const streams: RestOperation<RestStreamRoute>[] = [];
  const files: RestOperation<RestFileRoute>[] = [];

  const mutationFields = new Set(fieldsOf(main.getMutationType()));
  for (const field of [...fieldsOf(main.getQueryType()), ...mutationFields]) {
    for (const route of (field.extensions['rest'] ?? []) as readonly RestRoute[]) {
      const operation = operationOf(field, route, mutationFields.has(field));
      (route.method === 'GET' ? queries : mutations)[route.operationId] = types.rootField(field, route, operation.plan);
      operations.push(operation);
    }
  }
  for (const field of fieldsOf(main.getSubscriptionType())) {
    const stream = field.extensions['restStream'] as RestStreamRoute | undefined;
    const file = field.extensions['restFile'] as RestFileRoute | undefined;
    const addField = ({ route, plan }: Pick<RestOperation<AnyRestRoute>, 'route' | 'plan'>) => {
      subscriptions[route.operationId] = types.subscriptionField(field, plan);
    };
    if (stream !== undefined) {
      const operation = operationOf(field, stream);
      addField(operation);
      streams.push(operation);
    }
    if (file !== undefined) {
      const operation = operationOf(field, file);
      addField(operation);
      files.push(operation);
    }
  }
  refuseDoubles([...operations, ...streams, ...files].map(({ route }) => route.operationId));
  return {
    schema: schemaOf(queries, mutations, {}),
    operations,
    streamSchema: streams.length + files.length > 0 ? schemaOf({}, {}, subscriptions) : undefined,
    streams,
    files,
  };
}

function operationOf<Route extends AnyRestRoute>(
  field: ViewField,
  route: Route,
  isMutation = false,
): RestOperation<Route> {
  const operation = field.extensions['operation'] as OperationExtension | undefined;
  if (operation === undefined && !('events' in route || 'rows' in route)) {
    throw new Error(`${field.name} has a REST route and does not say who may call it`);
  }
  return {
    route,
    field: field.name,
    // A subscription without metadata of its own is for users, and checks its caller and arguments before its source opens.
    access: operation?.access ?? 'user',
    token: operation?.token ?? 'closed',
    rules: operation?.rules,
    description: field.description ?? undefined,
    plan: planInputs(field, route.arguments ?? {}),
    isKeyed: idempotencyOf(field, isMutation)?.by === 'key',
  };
}

function refuseDoubles(operationIds: readonly string[]): void {
  const twice = operationIds.find((id, index) => operationIds.indexOf(id) !== index);
  if (twice !== undefined) throw new Error(`Two REST routes have the operation id ${twice}`);
}

function schemaOf(
  queries: GraphQLFieldConfigMap<unknown, RequestContext>,
  mutations: GraphQLFieldConfigMap<unknown, RequestContext>,
  subscriptions: GraphQLFieldConfigMap<unknown, RequestContext>,
): GraphQLSchema {
  const root = (name: string, fields: GraphQLFieldConfigMap<unknown, RequestContext>) =>
    Object.keys(fields).length > 0 ? new GraphQLObjectType({ name, fields }) : null;
  return new GraphQLSchema({
    // GraphQL requires a query type in every schema.
    query:
      root('Query', queries) ?? new GraphQLObjectType({ name: 'Query', fields: { none: { type: GraphQLString } } }),
    mutation: root('Mutation', mutations),
    subscription: root('Subscription', subscriptions),
  });
}
