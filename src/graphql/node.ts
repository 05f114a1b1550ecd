import { Field, ID, InterfaceType } from 'type-graphql';

/** A row that `node` answers with: `__typename` says which type it is, since rows are plain objects. */
export type NodeRow<Row extends { readonly id: string } = { readonly id: string }> = Row & {
  readonly __typename: string;
};

@InterfaceType('Node', {
  description: 'An object with an id of its own, which `node` finds again.',
  resolveType: (row: NodeRow) => row.__typename,
})
export abstract class Node {
  @Field(() => ID, { description: 'A UUID (version 7), unique among all objects and never reused.' })
  readonly id!: string;
}
