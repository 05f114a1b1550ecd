import { beforeAll, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { describeSchema } from '../app-schema.js';
import { createErrorMap } from '../doors/error-map.js';
import type { RequestContext } from './context.js';
import { createPipeline } from './pipeline.js';

interface Attack {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

const times = (count: number, make: (index: number) => string, between = ' ') =>
  Array.from({ length: count }, (_, index) => make(index)).join(between);
const nested = (count: number, open: string, inner: string) => `${open.repeat(count)}${inner}${'}'.repeat(count)}`;

/** What a tool asks for first, as a text that was never sent before, nor one that means the same. */
const wholeSchema = (n: number) => getIntrospectionQuery().replace('query IntrospectionQuery', `query Q${n}`);

/** What a client without credentials may send to cost as much as it can; `n` makes each text a new one. */
const ATTACKS: Readonly<Record<string, (n: number) => Attack>> = {
  'one field of the schema, selected again and again': (n) => ({
    query: `{ a${n}: __type(name: "User") { ${times(495, () => 'ofType { name }')} } }`,
  }),
  'a field, selected again and again': (n) => ({ query: `{ ${times(1_900, () => `__typename`)} a${n}: __typename }` }),
  'a field with a selection, again and again': (n) => ({
    query: `{ a${n}: me { ${times(480, () => 'plan { id }')} } }`,
  }),
  'a field again and again, at every depth': (n) => ({
    query: `{ a${n}: me { ${times(4, () => nested(6, 'conversations { nodes { ', 'id ').concat('}'.repeat(6)))} } }`,
  }),
  'the schema by many aliases': (n) => ({
    query: `{ ${times(20, (index) => `a${n}_${index}: __schema { types { fields { type { name } } } }`)} }`,
  }),
  'the whole schema twice': (n) => ({
    query: wholeSchema(n)
      .replace(/\{\s*__schema/, '{ a: __schema { ...S } b: __schema { ...S } } fragment S on __Schema')
      .replace(/\}\s*\}\s*fragment FullType/, '} fragment FullType'),
  }),
  'the types of the fields of one type': (n) => ({
    query: `{ a${n}: __type(name: "Mutation") { fields { args { type { ofType { inputFields { type { ofType { name kind description } } } } } } type { name } } } }`,
  }),
  'what implements what': (n) => ({
    query: `{ a${n}: __schema { types { possibleTypes { interfaces { possibleTypes { interfaces { possibleTypes { name } } } } } } } }`,
  }),
  'a type by many aliases': (n) => ({
    query: `{ ${times(20, (index) => `a${n}_${index}: __type(name: "Query") { fields { type { fields { name } } } }`)} }`,
  }),
  'the types of the types of the schema': (n) => ({
    query: `{ a${n}: __schema { types { ${nested(3, 'fields { type { ', 'name').concat('}'.repeat(3))} } } }`,
  }),
  'many variables that nobody asked for': (n) => ({
    query: `{ a${n}: __typename }`,
    variables: Object.fromEntries(Array.from({ length: 6_000 }, (_, index) => [`v${index}`, index])),
  }),
  'a variable with a long list': (n) => ({
    query: `query ($i: [ID!]!) { a${n}: __typename @skip(if: true) }`,
    variables: { i: Array.from({ length: 1_000 }, () => null) },
  }),
  'many variables that are declared': (n) => ({
    query: `query (${times(380, (index) => `$v${n}_${index}: Int`)}) { __typename }`,
  }),
  'many unknown fields': (n) => ({ query: `{ ${times(20, (index) => `conversationz${n}x${index}`)} }` }),
  'many unknown fields below the root': (n) => ({
    query: `{ me { ${times(1_900, (index) => `emaill${n}x${index}`)} } }`,
  }),
  'many unknown arguments': (n) => ({
    query: `{ conversations(${times(600, (index) => `firzt${n}x${index}: 1`)}) { totalCount } }`,
  }),
  'many unknown directives': (n) => ({ query: `{ __typename ${times(900, (index) => `@skipp${n}x${index}`)} }` }),
  'many directives': (n) => ({ query: `{ a${n}: __typename ${times(300, () => '@skip(if: true)')} }` }),
  'many fragments': (n) => ({
    query: `{ ...F0 } ${times(240, (index) => `fragment F${index} on Query { ...F${index + 1} }`)} fragment F240 on Query { a${n}: __typename }`,
  }),
  'fragments that double': (n) => ({
    query: `{ ...F0 } ${times(60, (index) => `fragment F${index} on Query { ...F${index + 1} ... { ...F${index + 1} } }`)} fragment F60 on Query { a${n}: __typename }`,
  }),
  'fragments that spread each other': (n) => ({
    query: `{ ...F0 } ${times(40, (index) => `fragment F${index} on Query { ${times(20, (other) => `...F${(index + other) % 40}`)} a${n}: __typename }`)}`,
  }),
  'fragments with the same fields': (n) => ({
    query: `{ me { ${times(40, (index) => `...F${index}`)} } } ${times(40, (index) => `fragment F${index} on User { ${times(20, () => 'email')} a${n}: id }`)}`,
  }),
  'many operations': (n) => ({ query: times(480, (index) => `query Q${n}x${index} { __typename }`) }),
  'inline fragments, nested': (n) => ({ query: `{ ${nested(600, '... { ', `a${n}: __typename`)} }` }),
  'a list, nested': (n) => ({ query: `{ a${n}: node(id: ${'['.repeat(900)}${']'.repeat(900)}) { id } }` }),
  'an object, nested': (n) => ({
    query: `mutation { a${n}: createConversation(input: ${nested(450, '{ title: ', '1')}) { id } }`,
  }),
  'a long text': (n) => ({ query: `{ a${n}: node(id: "${'x'.repeat(900_000)}") { id } }` }),
  'a long name': (n) => ({ query: `{ a${n}${'x'.repeat(900_000)}: __typename }` }),
  'a long comment': (n) => ({ query: `#${'x'.repeat(900_000)}\n{ a${n}: __typename }` }),
  'spaces only': (n) => ({ query: `${' '.repeat(900_000)}{ a${n}: __typename }` }),
  'too many tokens': (n) => ({ query: `{ a${n} ${'x '.repeat(400_000)} }` }),
  'an unfinished text': (n) => ({ query: `{ a${n}(x: "${'\\n'.repeat(400_000)}` }),
};

const ROUNDS = 10;

const signal = new AbortController().signal;
const context = {
  requestId: 'r1',
  client: { ipAddress: null, userAgent: null },
  signal,
  viewer: () => Promise.reject(new Error('nobody')),
} as unknown as RequestContext;

describe('what a client without credentials sends', () => {
  const pipeline = createPipeline(describeSchema(), { mapError: createErrorMap({ error: () => undefined }) });
  let n = 0;

  const cpuOf = async (make: (n: number) => Attack): Promise<number> => {
    const { query, variables } = make((n += 1));
    const before = process.cpuUsage();
    JSON.stringify(await pipeline.execute(pipeline.prepare(query), { context, variables }));
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };

  /** The least CPU of several requests, since other work on the machine only adds to it. It stops below a bound. */
  const leastCpuOf = async (make: (n: number) => Attack, bound: number): Promise<number> => {
    let least = Infinity;
    for (let round = 0; round < ROUNDS && least >= bound; round += 1) least = Math.min(least, await cpuOf(make));
    return least;
  };

  let bound: number;
  beforeAll(async () => {
    bound = 1.5 * (await leastCpuOf((index) => ({ query: wholeSchema(index) }), 0));
  });

  it.each(Object.entries(ATTACKS))('costs no more than to describe the whole schema: %s', async (_name, make) => {
    expect(await leastCpuOf(make, bound)).toBeLessThan(bound);
  });

  it('costs less when the schema was described before', async () => {
    const again = () => ({ query: getIntrospectionQuery() });
    await cpuOf(again);
    expect(await leastCpuOf(again, bound / 2)).toBeLessThan(bound / 2);
  });
});
