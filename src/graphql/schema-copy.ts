import {
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLUnionType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  type GraphQLFieldConfig,
  type GraphQLNamedType,
  type GraphQLOutputType,
} from 'graphql';

type FieldConfig = GraphQLFieldConfig<unknown, unknown>;

/**
 * Copies an executable schema and changes the fields of its object types and interfaces. Input types are shared.
 * @param more fields of an object type beside one of its own, which is changed already
 */
export function copySchema(
  schema: GraphQLSchema,
  change: (field: FieldConfig, name: string, parent: GraphQLObjectType | GraphQLInterfaceType) => FieldConfig,
  added: readonly GraphQLNamedType[] = [],
  more: (name: string, field: FieldConfig) => Readonly<Record<string, FieldConfig>> = () => ({}),
): GraphQLSchema {
  const copies = new Map<string, GraphQLNamedType>();
  const copyOf = <Type extends GraphQLNamedType>(type: Type): Type => (copies.get(type.name) ?? type) as Type;
  const retyped = (type: GraphQLOutputType): GraphQLOutputType => {
    if (isNonNullType(type)) return new GraphQLNonNull(retyped(type.ofType) as never);
    if (isListType(type)) return new GraphQLList(retyped(type.ofType));
    return copyOf(type);
  };
  const fieldsOf = (type: GraphQLObjectType | GraphQLInterfaceType) => () =>
    Object.fromEntries(
      Object.entries(type.toConfig().fields).flatMap(([name, field]) => {
        const changed = change(field as FieldConfig, name, type);
        const fields = isObjectType(type) ? { [name]: changed, ...more(name, changed) } : { [name]: changed };
        return Object.entries(fields).map(([key, each]) => [key, { ...each, type: retyped(each.type) }]);
      }),
    );
  const interfacesOf = (type: GraphQLObjectType | GraphQLInterfaceType) => () => type.getInterfaces().map(copyOf);
  const { types, query, mutation, subscription, ...config } = schema.toConfig();
  const all = [...types, ...added].map((type) => {
    let copy: GraphQLNamedType = type;
    if (!type.name.startsWith('__')) {
      if (isObjectType(type)) {
        copy = new GraphQLObjectType({ ...type.toConfig(), fields: fieldsOf(type), interfaces: interfacesOf(type) });
      } else if (isInterfaceType(type)) {
        copy = new GraphQLInterfaceType({ ...type.toConfig(), fields: fieldsOf(type), interfaces: interfacesOf(type) });
      } else if (isUnionType(type)) {
        copy = new GraphQLUnionType({ ...type.toConfig(), types: () => type.getTypes().map(copyOf) });
      }
    }
    copies.set(type.name, copy);
    return copy;
  });
  return new GraphQLSchema({
    ...config,
    types: all,
    query: query == null ? null : copyOf(query),
    mutation: mutation == null ? null : copyOf(mutation),
    subscription: subscription == null ? null : copyOf(subscription),
    assumeValid: true,
  });
}
