import { Field, Int, ObjectType, type ClassType } from 'type-graphql';
import type { Connection, Edge } from '../kernel/page.js';

@ObjectType({ simpleResolvers: true, description: 'Where a page lies in its list.' })
class PageInfo {
  @Field(() => Boolean, { description: 'Whether the list goes on after this page.' })
  readonly hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether the list has anything before this page.' })
  readonly hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first edge; null on an empty page.' })
  readonly startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'The cursor of the last edge; null on an empty page.' })
  readonly endCursor!: string | null;
}

/**
 * Makes the GraphQL types `<name>Edge` and `<name>Connection` (https://relay.dev/graphql/connections.htm) of an object type. A
 * resolver of the connection returns the result of `connectionOf` (kernel/page.ts); the total is counted only when a client
 * asks for it. Call it once per node type and keep the result: `const UserConnection = connectionType(...)`.
 */
export function connectionType<Row extends object>(node: ClassType<Row>, name: string): ClassType<Connection<Row>> {
  @ObjectType(`${name}Edge`, { simpleResolvers: true, description: `One ${name} in a list.` })
  class NodeEdge implements Edge<Row> {
    @Field(() => String, { description: 'Give it as `after` or `before` to go on from here. Opaque.' })
    readonly cursor!: string;

    @Field(() => node)
    readonly node!: Row;
  }

  @ObjectType(`${name}Connection`, { simpleResolvers: true, description: `A page of a list of ${name}.` })
  class NodeConnection implements Connection<Row> {
    @Field(() => [NodeEdge])
    readonly edges!: readonly NodeEdge[];

    @Field(() => [node], { description: 'The same as `edges`, without the cursors.' })
    readonly nodes!: readonly Row[];

    @Field(() => PageInfo)
    readonly pageInfo!: PageInfo;

    readonly countAll!: () => Promise<number>;

    @Field(() => Int, { description: 'How many the whole list has, at any page.' })
    totalCount(): Promise<number> {
      return this.countAll();
    }
  }
  return NodeConnection;
}
