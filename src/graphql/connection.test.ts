import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { graphql, printSchema } from 'graphql';
import { Field, ObjectType, Query, Resolver, buildSchemaSync } from 'type-graphql';
import { connectionOf, type Connection } from '../kernel/page.js';
import { newId } from '../kernel/ids.js';
import { connectionType } from './connection.js';
import { Node } from './node.js';

@ObjectType({ simpleResolvers: true, implements: Node })
class Apple {
  readonly id!: string;

  @Field(() => String)
  readonly colour!: string;
}

const AppleConnection = connectionType(Apple, 'Apple');
const apples: readonly Pick<Apple, 'id' | 'colour'>[] = ['red', 'green'].map((colour) => ({ id: newId(), colour }));
let counts = 0;

@Resolver()
class AppleResolver {
  @Query(() => AppleConnection)
  apples(): Connection<Apple> {
    const page = { rows: apples, hasNextPage: true, hasPreviousPage: false };
    return connectionOf(page, () => Promise.resolve(++counts + 40));
  }

  @Query(() => Node, { nullable: true })
  node(): object {
    return { ...apples[0], __typename: 'Apple' };
  }
}

const schema = buildSchemaSync({ resolvers: [AppleResolver], validate: false });

describe('connectionType', () => {
  it('makes the types of the Relay specification, with nodes and a total', () => {
    const sdl = printSchema(schema)
      .replaceAll(/ *"""[^"]*"""\n/g, '')
      .replaceAll('\n\n  ', '\n  ');
    expect(sdl).toContain(
      'AppleConnection {\n  edges: [AppleEdge!]!\n  nodes: [Apple!]!\n  pageInfo: PageInfo!\n  totalCount: Int!\n}',
    );
    expect(sdl).toContain('AppleEdge {\n  cursor: String!\n  node: Apple!\n}');
  });

  it('resolves what connectionOf makes, and counts only when asked', async () => {
    const page = await graphql({
      schema,
      source: '{ apples { nodes { colour } pageInfo { hasNextPage endCursor } } }',
    });
    expect(page.errors).toBeUndefined();
    expect(page.data).toMatchObject({ apples: { nodes: [{ colour: 'red' }, { colour: 'green' }] } });
    expect(counts).toBe(0);
    const total = await graphql({ schema, source: '{ apples { totalCount edges { cursor node { id } } } }' });
    expect(total.errors).toBeUndefined();
    expect(total.data).toMatchObject({ apples: { totalCount: 41, edges: [{ node: { id: apples[0]?.id } }, {}] } });
  });
});

describe('Node', () => {
  it('is resolved to the type that the row is tagged with', async () => {
    const result = await graphql({ schema, source: '{ node { __typename id ... on Apple { colour } } }' });
    expect(result.data).toEqual({ node: { __typename: 'Apple', id: apples[0]?.id, colour: 'red' } });
  });
});
