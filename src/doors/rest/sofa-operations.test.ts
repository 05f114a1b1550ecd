import { describe, expect, it } from '@jest/globals';
import {
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  type GraphQLFieldConfigMap,
} from 'graphql';
import type { RequestContext } from '../../graphql/context.js';
import type { RestRoute } from '../../rest/route.js';
import { path, query } from '../../rest/sources.js';
import { emitRest } from './emit.js';
import { buildRestView } from './rest-view.js';
import { pairOperations, readEmittedRest } from './sofa-operations.js';

const reference = {
  title: 'Shop',
  description: 'A shop.',
  tags: { Things: 'What is sold.' },
  schemaNames: {},
  parameters: {},
  examples: {},
  requested: [],
};
const route: RestRoute = {
  method: 'GET',
  path: '/things/{thing_id}',
  operationId: 'getThing',
  summary: 'Read a thing',
  tag: 'Things',
  arguments: { id: path('thing_id') },
};

const other: RestRoute = { ...route, path: '/best/{thing_id}', operationId: 'getBest' };

interface Shop {
  readonly routes?: readonly RestRoute[];
  readonly fields?: GraphQLFieldConfigMap<unknown, RequestContext>;
}

function shopSchema({ routes = [route], fields = {} }: Shop): GraphQLSchema {
  const maker = new GraphQLObjectType({ name: 'Maker', fields: { name: { type: GraphQLString }, ...fields } });
  const thing = new GraphQLObjectType({
    name: 'Thing',
    fields: { price: { type: GraphQLInt }, madeBy: { type: maker } },
  });
  const args = { id: { type: new GraphQLNonNull(GraphQLString) }, currency: { type: GraphQLString } };
  const extensions = { operation: { access: 'anyone', rules: undefined }, rest: routes };
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { thing: { type: thing, args, extensions } } }),
  });
}

/** Emits the operations of one shop and starts another with them. */
async function pair(written: Shop, started: Shop) {
  const { operations } = await emitRest(shopSchema(written), '1.0.0', reference);
  const view = buildRestView(shopSchema(started));
  const documentOf = pairOperations(view, operations);
  return view.operations.map((operation) => documentOf(operation));
}

describe('the operations that SOFA made', () => {
  it('serve the schema that they were made from', async () => {
    const documents = await pair({}, {});
    expect(documents.map(({ operationName }) => operationName)).toEqual(['getThing_query']);
  });

  it.each<[string, Shop, Shop]>([
    ['a type has got a field', {}, { fields: { town: { type: GraphQLString } } }],
    ['a route has moved', {}, { routes: [{ ...route, path: '/goods/{thing_id}' }] }],
    ['a route has another method', {}, { routes: [{ ...route, method: 'POST' }] }],
    ['a route takes more', {}, { routes: [{ ...route, arguments: { id: path('thing_id'), currency: query('in') } }] }],
    ['a route is new', { routes: [other] }, { routes: [other, route] }],
    ['a route is gone', { routes: [other, route] }, { routes: [other] }],
  ])('stop the start when %s since', async (_what, written, started) => {
    await expect(pair(written, started)).rejects.toThrow('does not fit getThing: run "npm run schema"');
  });

  it("are the product's own by default, with the document that describes them", async () => {
    const { operations, loadDocument } = readEmittedRest();
    const document = JSON.parse(await loadDocument()) as { readonly paths: Record<string, Record<string, object>> };
    const described = Object.entries(document.paths).flatMap(([place, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${place}`),
    );
    expect(described.sort()).toEqual([...new Set(operations.map(({ method, path: at }) => `${method} ${at}`))].sort());
  });
});
