import 'reflect-metadata';
import { getNamedType, isAbstractType, isInputObjectType, isObjectType, type GraphQLSchema } from 'graphql';
import { buildSchemaSync, getMetadataStorage, type ClassType, type NonEmptyArray, type PubSub } from 'type-graphql';
import { writeDatesOnce } from './date-time.js';
import { actOncePerKey } from './idempotency.js';
import { noteShortcut, referenceOf } from './shortcuts.js';
import { subscribeByMethods } from './subscription.js';

/** type-graphql requires one for subscriptions. It is not used, since our subscriptions read the events of their methods. */
const unusedPubSub: PubSub = {
  publish: () => {
    throw new Error('subscriptions read what their methods return');
  },
  subscribe: () => {
    throw new Error('subscriptions read what their methods return');
  },
};

/**
 * Builds the executable schema.
 * @param resolvers one instance per class; the schema consists of their fields
 */
export function buildSchema(resolvers: readonly object[]): GraphQLSchema {
  const instances = new Map<unknown, object>(resolvers.map((resolver) => [resolver.constructor, resolver]));
  const schema = buildSchemaSync({
    resolvers: [...instances.keys()] as NonEmptyArray<ClassType>,
    container: { get: (type: ClassType): unknown => instances.get(type) },
    // `@Operation` checks the arguments instead, with the same rules on every door and all faults at once.
    validate: false,
    // type-graphql would have the whole schema described, 30 ms of each start. A test validates it instead.
    skipCheck: true,
    pubSub: unusedPubSub,
  });
  describeRoots(schema);
  callDirectly(schema, instances);
  resolveTypesAtOnce(schema);
  actOncePerKey(schema);
  subscribeByMethods(schema);
  writeDatesOnce(schema);
  return schema;
}

/** type-graphql has no place for these descriptions. They say what holds for every operation. */
function describeRoots(schema: GraphQLSchema): void {
  const descriptions = {
    Query:
      'Reads. An error has a code in `extensions.code`; RATE_LIMITED has `extensions.retryAfter`, the whole seconds until the next try can succeed.',
    Mutation:
      'Changes, one after the other. An error has a code in `extensions.code`; RATE_LIMITED has `extensions.retryAfter`, the whole seconds until the next try can succeed.',
    Subscription: 'Streams, over a WebSocket (`graphql-transport-ws`) or server-sent events.',
  };
  for (const [name, description] of Object.entries(descriptions)) {
    const type = schema.getType(name);
    if (type !== undefined) type.description = description;
  }
}

/** Undoes type-graphql's async wrapper around every `resolveType`, since compiled queries do not await it. */
function resolveTypesAtOnce(schema: GraphQLSchema): void {
  const { unions, interfaceTypes } = getMetadataStorage();
  for (const { name, resolveType } of [...unions, ...interfaceTypes]) {
    const type = schema.getType(name);
    if (resolveType === undefined || !isAbstractType(type)) continue;
    type.resolveType = (value, context, info, abstractType) => {
      const typeName: unknown = resolveType(value, context, info, abstractType);
      if (typeof typeName === 'string') return typeName;
      throw new TypeError(`resolveType of ${name} must answer the name of a type`);
    };
  }
}

/**
 * Fields of objects whose methods take nothing but the row, the context, the info and plain arguments are called without type-graphql's
 * way of finding parameters, which sorts and copies them for each call, and waits for arguments: a list has hundreds of such fields.
 */
function callDirectly(schema: GraphQLSchema, instances: ReadonlyMap<unknown, object>): void {
  const { fieldResolvers, objectTypes } = getMetadataStorage();
  const nameOf = new Map<unknown, string>(objectTypes.map(({ target, name }) => [target, name]));
  for (const { kind, target, methodName, schemaName, getObjectType, params = [], middlewares = [] } of fieldResolvers) {
    const instance = instances.get(target) as Readonly<Record<string, unknown>> | undefined;
    if (kind !== 'external' || instance === undefined || middlewares.length > 0) continue;
    const type = schema.getType(nameOf.get(getObjectType?.()) ?? '');
    const field = isObjectType(type) ? type.getFields()[schemaName] : undefined;
    const method = instance[methodName];
    const parts = [...params].sort((one, other) => one.index - other.index).map(plainPartOf);
    if (field === undefined || typeof method !== 'function' || parts.length > 4 || parts.includes(undefined)) continue;
    // Objects among arguments are made instances of their classes.
    if (field.args.some((argument) => isInputObjectType(getNamedType(argument.type)))) continue;
    const call = method.bind(instance) as (...given: unknown[]) => unknown;
    const [first = 'root', second = 'root', third = 'root', fourth = 'root'] = parts;
    const resolve: typeof field.resolve = (root: unknown, args: unknown, context: unknown, info) => {
      const given = { root, args, context, info };
      return call(given[first], given[second], given[third], given[fourth]);
    };
    const isOfRow = parts.every((part) => part === 'root');
    field.resolve = parts.includes('args')
      ? resolve
      : noteShortcut(resolve, isOfRow ? { read: (row) => call(row, row, row) } : { reference: referenceOf(field) });
  }
}

type Parameter = Parameters<ReturnType<typeof getMetadataStorage>['collectHandlerParamMetadata']>[0];

/** What a method's parameter is given, where that is nothing that has to be made of it. */
function plainPartOf(parameter: Parameter): 'root' | 'args' | 'context' | 'info' | undefined {
  if (parameter.kind === 'info' || parameter.kind === 'args') return parameter.kind;
  if (parameter.kind === 'root' && parameter.propertyName === undefined && parameter.getType === undefined)
    return 'root';
  return parameter.kind === 'context' && parameter.propertyName === undefined ? 'context' : undefined;
}
