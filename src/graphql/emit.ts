import { lexicographicSortSchema, printSchema, type GraphQLSchema } from 'graphql';

/** The schema as `schema/schema.graphql` has it: sorted, so that a change shows as one. */
export function printSchemaText(schema: GraphQLSchema): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}
