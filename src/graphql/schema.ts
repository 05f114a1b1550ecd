import 'reflect-metadata';
import { isAbstractType, type GraphQLSchema } from 'graphql';
import { buildSchemaSync, getMetadataStorage, type ClassType, type NonEmptyArray, type PubSub } from 'type-graphql';
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
    pubSub: unusedPubSub,
  });
  resolveTypesAtOnce(schema);
  subscribeByMethods(schema);
  return schema;
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
