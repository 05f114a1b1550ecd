import { Field, ID, InterfaceType } from 'type-graphql';

/** A row that `node` returns. Rows are plain objects, so `__typename` names their type. */
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
