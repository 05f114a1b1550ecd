import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import {
  GraphQLError,
  execute,
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isObjectType,
  isRequiredArgument,
  parse,
  validate,
  type DocumentNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import type { RequestContext } from './context.js';
import { createPipeline, type Pipeline } from './pipeline.js';
import { describeSchema } from '../app-schema.js';

/** More runs than graphql-js interprets before graphql-jit compiles. */
const RUNS = 10;

/**
 * What a resolver gives in place of its value, for some of the fields. A rejection is not among them: which of several come
 * first, and which too late to be told, is a matter of time in graphql-js as well.
 */
const FAULTS: Readonly<Record<string, () => unknown>> = {
  'an error that is thrown': () => {
    throw new Error('thrown');
  },
  'an error as value': () => new Error('returned'),
  null: () => null,
};

/** One field in so many fails. */
const FAULTY_SHARE = 5;

function isFaulty(name: string, share: number): boolean {
  return Buffer.from(name).reduce((sum, byte) => sum + byte, 0) % FAULTY_SHARE === share;
}

/**
 * The product's own types, over resolvers that answer with their arguments, so that a wrong argument shows.
 * @param fault what the fields of one share give instead
 */
function echoingSchema(fault?: () => unknown, share = 0): GraphQLSchema {
  const schema = describeSchema();
  for (const type of Object.values(schema.getTypeMap())) {
    if (isAbstractType(type)) type.resolveType = () => schema.getPossibleTypes(type)[0]?.name;
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      const echo: typeof field.resolve = (_source, args: unknown, _context, { variableValues }) =>
        valueOf(field.type, { args, variableValues });
      field.resolve = fault && isFaulty(`${type.name}.${field.name}`, share) ? fault : echo;
    }
  }
  return schema;
}

function valueOf(type: GraphQLOutputType, given: unknown): unknown {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const item: GraphQLOutputType = nullable.ofType;
    return [valueOf(item, given), valueOf(item, given)];
  }
  if (!isLeafType(nullable)) return {};
  if (isEnumType(nullable)) return nullable.getValues()[0]?.value;
  // Includes the classes of values, so that a Date and its text differ.
  const echo = inspect(given, { depth: 9, sorted: true, breakLength: Infinity, compact: true }).replaceAll(
    '[Object: null prototype] ',
    '',
  );
  const samples: Readonly<Record<string, unknown>> = {
    Int: echo.length,
    Float: echo.length + 0.5,
    Boolean: true,
    Date: new Date('2026-11-25T00:00:00Z'),
    DateTime: new Date('2026-11-25T12:00:00Z'),
    JSONObject: { echo },
  };
  return samples[nullable.name] ?? echo;
}

/** A literal of an input type, with every field of its input objects. */
function literalOf(type: GraphQLInputType): string {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const item: GraphQLInputType = nullable.ofType;
    return `[${literalOf(item)}, ${literalOf(item)}]`;
  }
  if (isInputObjectType(nullable)) {
    const fields = Object.values(nullable.getFields()).map((field) => `${field.name}: ${literalOf(field.type)}`);
    return `{ ${fields.join(' ')} }`;
  }
  if (isEnumType(nullable)) return nullable.getValues()[0]?.name ?? '';
  const literals: Readonly<Record<string, string>> = {
    Int: '3',
    Float: '2.5',
    Boolean: 'true',
    Date: '"2026-11-25"',
    DateTime: '"2026-11-25T01:02:03.004Z"',
    JSONObject: '{ a: 1, list: [null, "b", { c: true }] }',
  };
  return literals[getNamedType(nullable).name] ?? '"0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000"';
}

function selectionOf(schema: GraphQLSchema, type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return '';
  const fieldsOf = ({
    name,
    getFields,
  }: {
    name: string;
    getFields: () => Record<string, GraphQLField<unknown, unknown>>;
  }) =>
    Object.values(getFields())
      .filter((field) => !field.args.some(isRequiredArgument))
      .filter((field) => depth > 1 || isLeafType(getNamedType(field.type)))
      // Aliased by type, since equal names for fields of different types of a union would be a conflict.
      .map((field) => `${name}_${field.name}: ${field.name}${selectionOf(schema, field.type, depth - 1)}`)
      .join(' ');
  const parts = isAbstractType(named)
    ? schema.getPossibleTypes(named).map((possible) => `... on ${possible.name} { ${asType(possible, fieldsOf)} }`)
    : isObjectType(named)
      ? [asType(named, fieldsOf)]
      : [];
  return ` { __typename ${parts.join(' ')} }`;
}

function asType(
  type: GraphQLObjectType,
  fieldsOf: (type: { name: string; getFields: () => Record<string, GraphQLField<unknown, unknown>> }) => string,
): string {
  return fieldsOf({ name: type.name, getFields: () => type.getFields() });
}

type Case = readonly [text: string, variables?: Readonly<Record<string, unknown>>];

/** Cases for every root field: its arguments as literals, and as variables with defaults, set to null, and left out. */
function generatedCases(schema: GraphQLSchema): Case[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
  ] as const;
  return roots.flatMap(([kind, root]) =>
    Object.values(root?.getFields() ?? {}).flatMap((field) => casesOf(schema, kind, field)),
  );
}

function casesOf(schema: GraphQLSchema, kind: string, field: GraphQLField<unknown, unknown>): Case[] {
  const selection = selectionOf(schema, field.type, 2);
  const args = field.args.filter(({ type }) => !usesUpload(type));
  if (args.length < field.args.length) return [];
  if (args.length === 0) return [[`${kind} { ${field.name}${selection} }`]];
  const call = (value: (argument: GraphQLArgument) => string) =>
    `${field.name}(${args.map((argument) => `${argument.name}: ${value(argument)}`).join(' ')})${selection}`;
  const variables = args.map(({ name, type }) => `$${name}: ${String(type)} = ${literalOf(type)}`).join(' ');
  const withDefaults = `${kind} (${variables}) { ${call(({ name }) => `$${name}`)} }`;
  return [
    [`${kind} { ${call(({ type }) => literalOf(type))} }`],
    [withDefaults],
    [withDefaults, Object.fromEntries(args.map(({ name }) => [name, null]))],
    [withDefaults, Object.fromEntries(args.map(({ name }) => [name, { wrong: ['type'] }]))],
  ];
}

/** The first case of every root field, which has no variables. */
const literalCases = (schema: GraphQLSchema) => generatedCases(schema).filter(([text]) => !text.includes('$'));

const usesUpload = (type: GraphQLInputType) => getNamedType(type).name === 'Upload';

/** Names that every object inherits, used as names in documents. */
const inheritedCases: Case[] = Object.getOwnPropertyNames(Object.prototype).flatMap((name): Case[] => [
  [`query ($${name}: Int) { conversations(first: $${name}) { totalCount } }`],
  [`query ($${name}: Int) { conversations(first: $${name}) { totalCount } }`, JSON.parse(`{"${name}":7}`) as never],
  [`query ($${name}: Boolean!) { conversations { totalCount @skip(if: $${name}) __typename } }`],
  [`{ conversations { ${name}: totalCount } ${name}: conversations { totalCount } }`],
  [`query ${name} { ...${name} } fragment ${name} on Query { conversations { totalCount } }`],
]);

const CREATE = 'mutation ($i: CreateMessageInput!) { createMessage(input: $i) { message { id } } }';
const MINIMAL = { conversationId: '1', content: { text: 'x' }, messageType: 'user' };
const handMadeCases: Case[] = [
  ['query ($d: Date = "2026-11-25") { usage(since: $d) { id date } }'],
  ['query ($d: Date = "2026-11-25") { usage(since: $d) { id } }', { d: '2025-01-01' }],
  ['query ($d: Date = "2026-11-25") { usage(since: $d) { id } }', { d: 'no day' }],
  ['query ($d: Date = null) { usage(since: $d, until: null) { id } }'],
  ['query ($n: Int! = 5) { conversations(first: $n) { nodes { id } } }'],
  ['query ($n: Int! = 5) { conversations(first: $n) { nodes { id } } }', { n: null }],
  ['query ($n: Int = 5) { conversations(first: $n) { nodes { id } } }', { n: 3.5 }],
  ['query ($n: Int) { conversations(first: $n) { nodes { id } } }', { n: 2 ** 31 }],
  ['query ($id: ID!) { node(id: $id) { __typename id ... on Conversation { title } } }', { id: 12 }],
  ['query ($id: ID! = 7) { node(id: $id) { __typename id } }'],
  ['query ($on: Boolean = false) { conversations { totalCount @include(if: $on) nodes { id } } }'],
  ['query ($on: Boolean = false) { conversations { totalCount @include(if: $on) nodes { id } } }', { on: true }],
  [
    'query ($on: Boolean!) { ... @skip(if: $on) { conversations { totalCount } } conversations { nodes { id } } }',
    { on: true },
  ],
  ['query ($on: Boolean!) { ...F @include(if: $on) __typename } fragment F on Query { usage { id } }', { on: false }],
  ['query ($on: Boolean!) { __typename @include(if: $on) }'],
  [CREATE, { i: MINIMAL }],
  [CREATE, { i: { ...MINIMAL, invokeLlm: null, extra: null } }],
  [CREATE, { i: { ...MINIMAL, content: { list: [null, [1, { deep: null }]], toString: 'own' } } }],
  [CREATE, { i: { ...MINIMAL, constructor: 1 } }],
  [CREATE, { i: JSON.parse('{"conversationId":"1","content":{},"messageType":"x","__proto__":{}}') as object }],
  [CREATE, { i: [MINIMAL] }],
  [CREATE, {}],
  ['mutation ($t: String) { createConversation(input: { title: $t }) { id title } }'],
  ['mutation ($t: String = "a") { createConversation(input: { title: $t }) { id title } }'],
  ['mutation { createConversation(input: { title: null }) { id title } }'],
  ['mutation ($i: [ID!]! = ["1", "2"]) { deleteConversations(ids: $i) }'],
  ['mutation ($i: [ID!]!) { deleteConversations(ids: $i) }', { i: 'one' }],
  ['mutation ($i: [ID!]!) { deleteConversations(ids: $i) }', { i: ['one', null] }],
  ['mutation ($i: ID!) { deleteConversations(ids: [$i, "2"]) }', { i: 'one' }],
];

const signal = new AbortController().signal;
const context = { requestId: 'r1', client: { ipAddress: null, userAgent: null }, signal } as unknown as RequestContext;

function pipelineOver(schema: GraphQLSchema): Pipeline {
  return createPipeline(schema, {
    mapError: (error) => (error instanceof GraphQLError ? error : new GraphQLError(String(error))),
  });
}

const validCases = (schema: GraphQLSchema, cases: readonly Case[]) =>
  cases.filter(([text]) => validate(schema, parse(text)).length === 0);

async function referenceFor(schema: GraphQLSchema, document: DocumentNode, variables: Case[1]): Promise<string> {
  return JSON.stringify(await execute({ schema, document, variableValues: variables ?? {}, contextValue: context }));
}

/** Every different answer of so many runs. */
async function answersOf(pipeline: Pipeline, document: DocumentNode, variables: Case[1] = {}): Promise<string[]> {
  const prepared = pipeline.prepareOwn(document);
  const answers = new Set<string>();
  for (let run = 0; run < RUNS; run += 1) {
    answers.add(JSON.stringify(await pipeline.execute(prepared, { context, variables })));
  }
  return [...answers];
}

describe('a document that runs again and again', () => {
  const schema = echoingSchema();
  const pipeline = pipelineOver(schema);
  const cases = validCases(schema, [...handMadeCases, ...inheritedCases, ...generatedCases(schema)]);

  it('is one of many', () => {
    expect(cases.length).toBeGreaterThan(300);
    expect(handMadeCases.filter((known) => !cases.includes(known))).toEqual([]);
  });

  it.each(cases)('is answered as graphql-js answers it: %s %j', async (text, variables = {}) => {
    const document = parse(text);
    const reference = await referenceFor(schema, document, variables);
    const [answer = '', ...others] = await answersOf(pipeline, document, variables);
    expect(others).toEqual([]);
    // The pipeline refuses invalid variables with its own messages.
    const isRefused = !reference.includes('"data":');
    if (isRefused) expect(answer).toContain('"code":"BAD_USER_INPUT"');
    else expect(answer).toBe(reference);
  });
});

const parsed = (answer: string) => {
  const { data, errors = [] } = JSON.parse(answer) as { readonly data: unknown; readonly errors?: readonly unknown[] };
  return { data, errors };
};

describe.each(Object.entries(FAULTS))('a document of which some fields give %s', (_name, fault) => {
  it.each([0, 1])('is answered with the data and the errors of graphql-js: share %i of the fields', async (share) => {
    const schema = echoingSchema(fault, share);
    const pipeline = pipelineOver(schema);
    let failed = 0;
    for (const [text] of validCases(schema, literalCases(schema))) {
      const document = parse(text);
      const reference = await referenceFor(schema, document, {});
      const { data, errors } = parsed(reference);
      if (errors.length > 0) failed += 1;
      for (const answer of await answersOf(pipeline, document)) {
        // Below a parent that became null, graphql-jit also tells errors of fields that graphql-js no longer asks for.
        if (parsed(answer).errors.length <= 1) expect(answer).toBe(reference);
        else expect(parsed(answer)).toEqual({ data, errors: expect.arrayContaining([...errors]) });
      }
    }
    expect(failed).toBeGreaterThan(0);
  });
});
