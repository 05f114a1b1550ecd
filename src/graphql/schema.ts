import 'reflect-metadata';
import { isAbstractType, type GraphQLSchema } from 'graphql';
import { buildSchemaSync, getMetadataStorage, type ClassType, type NonEmptyArray, type PubSub } from 'type-graphql';
import { subscribeByMethods } from './subscription.js';

/** type-graphql asks for one wherever there are subscriptions; ours read what their methods return. */
const unusedPubSub: PubSub = {
  publish: () => {
    throw new Error('subscriptions read what their methods return');
  },
  subscribe: () => {
    throw new Error('subscriptions read what their methods return');
  },
};

/**
 * The executable schema of the resolvers.
 * @param resolvers one instance a class; what they have is the whole schema
 */
export function buildSchema(resolvers: readonly object[]): GraphQLSchema {
  const instances = new Map<unknown, object>(resolvers.map((resolver) => [resolver.constructor, resolver]));
  const schema = buildSchemaSync({
    resolvers: [...instances.keys()] as NonEmptyArray<ClassType>,
    container: { get: (type: ClassType): unknown => instances.get(type) },
    // `@Operation` checks the arguments: by rules that every door shares, and all at once.
    validate: false,
    pubSub: unusedPubSub,
  });
  resolveTypesAtOnce(schema);
  subscribeByMethods(schema);
  return schema;
}

/** type-graphql makes every `resolveType` asynchronous, and a compiled query does not wait for one: ours are put back. */
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
