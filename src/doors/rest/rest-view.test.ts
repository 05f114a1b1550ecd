import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  GraphQLID,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  printSchema,
  type GraphQLFieldConfigMap,
} from 'graphql';
import { startRestDoor, type RunningRestDoor } from '../../../test/support/rest-fixture.js';
import type { RequestContext } from '../../graphql/context.js';
import type { RestRoute } from '../../rest/route.js';
import { body, path } from '../../rest/sources.js';
import { buildRestView } from './rest-view.js';

let running: RunningRestDoor;
beforeAll(async () => {
  running = await startRestDoor();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const route: RestRoute = { method: 'GET', path: '/x', operationId: 'getX', summary: 'X', tag: 'X' };
const operation = { access: 'anyone', rules: undefined };
type Fields = GraphQLFieldConfigMap<unknown, RequestContext>;
const viewOf = (fields: Fields) =>
  buildRestView(new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) }));

describe('the REST view of a schema', () => {
  it('has a root field a route, in the names of the wire, and no subscription', () => {
    const printed = printSchema(running.door.schema);
    expect(printed).toContain('replaceBook(book_id: ID!, title: String, sub_title: String): Book!');
    expect(printed).toContain('updateBook(book_id: ID!, title: String, sub_title: String): Book!');
    expect(printed).toMatch(/listBooks\(\s+q: String\s+lent_only: Boolean\s/);
    expect(printed).toContain('lendBook(book_id: ID!, x_ticket: String, note: String!): Book!');
    expect(printed).toContain('deleteBooks(ids: [ID!]!): RestJson');
    expect(running.door.schema.getSubscriptionType()).toBeNull();
  });

  it('leaves out what is hidden, and what leads to another object', () => {
    const type = running.door.schema.getType('Book') as GraphQLObjectType;
    expect(Object.keys(type.getFields())).toEqual([
      'book_id',
      'title',
      'sub_title',
      'cover',
      'printed_at',
      'extra',
      'owner_id',
    ]);
    expect(running.door.schema.getType('Reader')).toBeUndefined();
    expect(running.door.schema.getType('Node')).toBeUndefined();
  });
});

describe('a mistake in the metadata stops the start:', () => {
  const node = new GraphQLInterfaceType({ name: 'Thing', fields: { id: { type: GraphQLID } } });
  it.each<[string, Fields, string]>([
    [
      'no word of who may call',
      { x: { type: GraphQLInt, extensions: { rest: [route] } } },
      'does not say who may call',
    ],
    [
      'an argument that is not there',
      { x: { type: GraphQLInt, extensions: { operation, rest: [{ ...route, arguments: { id: path('id') } }] } } },
      'x has no argument id',
    ],
    [
      'an operation id twice',
      { x: { type: GraphQLInt, extensions: { operation, rest: [route, route] } } },
      'operation id getX',
    ],
    [
      'two values of one name',
      {
        x: {
          type: GraphQLInt,
          args: { id: { type: new GraphQLNonNull(GraphQLID) }, userId: { type: GraphQLString } },
          extensions: { operation, rest: [{ ...route, arguments: { id: path('user_id'), userId: body() } }] },
        },
      },
      'are called user_id',
    ],
    [
      'a type without a form',
      { x: { type: node, extensions: { operation, rest: [route] } } },
      'Thing has no form in REST',
    ],
    [
      'a field that is not there',
      { x: { type: GraphQLInt, extensions: { operation, rest: [{ ...route, field: 'message' }] } } },
      'Int has no field message',
    ],
  ])('%s', (_what, fields, message) => {
    expect(() => printSchema(viewOf(fields).schema)).toThrow(message);
  });
});
