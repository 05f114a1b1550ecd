import { describe, expect, it } from '@jest/globals';
import {
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  GraphQLUnionType,
  execute,
  parse,
  type ExecutionResult,
} from 'graphql';
import type { RequestContext } from './context.js';
import { createPipeline } from './pipeline.js';
import { ARGUMENTS_AT_OPENING } from './subscription.js';

interface Delta {
  readonly kind: 'Delta' | 'End';
  readonly sequence: number;
  readonly text: string;
}

interface ReaderContext extends RequestContext {
  readonly events: readonly Delta[];
  readonly reader: number;
}

/** Counts what is resolved. */
let resolved = 0;

const fields = {
  sequence: {
    type: GraphQLInt,
    resolve: ({ sequence }: Delta) => {
      resolved += 1;
      return sequence;
    },
  },
  text: { type: GraphQLString },
};
const delta = new GraphQLObjectType<Delta, ReaderContext>({
  name: 'Delta',
  fields: {
    ...fields,
    later: { type: GraphQLString, resolve: ({ text }) => Promise.resolve(text) },
    broken: {
      type: new GraphQLNonNull(GraphQLString),
      resolve: () => {
        throw new Error('broken');
      },
    },
  },
});
const end = new GraphQLObjectType<Delta, ReaderContext>({
  name: 'End',
  fields: { ...fields, reader: { type: GraphQLInt, resolve: (_event, _args, { reader }) => reader } },
});
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { none: { type: GraphQLString } } }),
  subscription: new GraphQLObjectType<unknown, ReaderContext>({
    name: 'Subscription',
    fields: {
      reply: {
        type: new GraphQLUnionType({ name: 'Event', types: [delta, end], resolveType: ({ kind }: Delta) => kind }),
        args: { id: { type: GraphQLString } },
        async *subscribe(_source, _args, { events }) {
          yield* events;
        },
        resolve: (event: unknown) => event,
        extensions: ARGUMENTS_AT_OPENING,
      },
      numbered: {
        type: delta,
        args: { by: { type: GraphQLInt } },
        async *subscribe(_source, _args, { events }) {
          yield* events;
        },
        resolve: (event, { by }: { by: number }) => ({ ...(event as Delta), sequence: by }),
      },
    },
  }),
});

const READERS = 20;
const EVENTS = 10;
const newEvents = (): Delta[] =>
  Array.from({ length: EVENTS }, (_, index) => ({
    kind: index === EVENTS - 1 ? 'End' : 'Delta',
    sequence: index + 1,
    text: `piece ${index}`,
  }));

const contextOf = (reader: number, events: readonly Delta[]) =>
  ({ requestId: 'r', reader, events }) as unknown as ReaderContext;

/** What each of many readers of the same events gets for a document. */
async function read(text: string, events: readonly Delta[], variablesOf: (reader: number) => Record<string, unknown>) {
  const pipeline = createPipeline(schema, { mapError: (error) => error as never });
  const prepared = pipeline.prepare(text);
  resolved = 0;
  return Promise.all(
    Array.from({ length: READERS }, async (_, reader) => {
      const variables = variablesOf(reader);
      const stream = await pipeline.subscribe(prepared, { context: contextOf(reader, events), variables });
      if (!(Symbol.asyncIterator in stream)) throw new Error(JSON.stringify(stream));
      const results: ExecutionResult[] = [];
      for await (const result of stream) results.push(result);
      return results;
    }),
  );
}

/** The same by graphql-js, each event for itself. */
function expected(text: string, events: readonly Delta[], variablesOf: (reader: number) => Record<string, unknown>) {
  return Promise.all(
    Array.from({ length: READERS }, (_, reader) =>
      Promise.all(
        events.map(async (event) =>
          execute({
            schema,
            document: parse(text),
            rootValue: event,
            contextValue: contextOf(reader, events),
            variableValues: variablesOf(reader),
          }),
        ),
      ),
    ),
  );
}

const asJson = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
const none = () => ({});

describe('an event with many readers', () => {
  it.each([
    'subscription { reply { __typename ... on Delta { sequence text } ... on End { sequence text } } }',
    'subscription { a: reply { t: __typename ... on Delta { n: sequence ...D } ... on End { sequence } } } fragment D on Delta { text }',
    'subscription { reply { ... on Delta { sequence text @include(if: false) } ... on End { sequence } } }',
    'subscription ($id: String) { reply(id: $id) { ... on Delta { sequence } ... on End { sequence } } }',
  ])('is executed once: %s', async (text) => {
    const events = newEvents();
    const ids = (reader: number) => (text.includes('$id') ? { id: String(reader) } : {});
    const results = await read(text, events, ids);
    expect(resolved).toBe(EVENTS);
    expect(asJson(results)).toEqual(asJson(await expected(text, events, ids)));
    expect(results[1]?.[0]).toBe(results[0]?.[0]);
  });

  it('is executed for each reader where the answer depends on the reader', async () => {
    const text = 'subscription { reply { ... on Delta { sequence } ... on End { sequence reader } } }';
    const events = newEvents();
    const results = await read(text, events, none);
    expect(resolved).toBe(EVENTS - 1 + READERS);
    expect(asJson(results)).toEqual(asJson(await expected(text, events, none)));
  });

  it('is executed for each reader where the document uses their variables', async () => {
    const text =
      'subscription ($with: Boolean!) { reply { ... on Delta { sequence text @include(if: $with) } ... on End { sequence } } }';
    const events = newEvents();
    const withText = (reader: number) => ({ with: reader % 2 === 0 });
    const results = await read(text, events, withText);
    expect(resolved).toBe(EVENTS * READERS);
    expect(asJson(results)).toEqual(asJson(await expected(text, events, withText)));
  });

  it('is executed for each reader where the arguments are used again', async () => {
    const text = 'subscription ($by: Int) { numbered(by: $by) { sequence } }';
    const events = newEvents();
    const by = (reader: number) => ({ by: reader });
    const results = await read(text, events, by);
    expect(resolved).toBe(EVENTS * READERS);
    expect(asJson(results)).toEqual(asJson(await expected(text, events, by)));
  });

  it.each(['later', 'broken'])('is executed for each reader when a field is %s', async (field) => {
    const text = `subscription { reply { ... on Delta { sequence ${field} } ... on End { sequence } } }`;
    const events = newEvents();
    const results = await read(text, events, none);
    expect(resolved).toBe((EVENTS - 1) * READERS + 1);
    expect(asJson(results)).toEqual(asJson(await expected(text, events, none)));
  });
});
