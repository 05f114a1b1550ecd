import { inspect } from 'node:util';
import { setImmediate } from 'node:timers/promises';
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
  type GraphQLFieldResolver,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import type { RequestContext } from './context.js';
import { createPipeline, type Pipeline } from './pipeline.js';
import { noteShortcut } from './shortcuts.js';
import { jsonText } from './written-lists.js';
import { describeSchema } from '../app-schema.js';
import { createErrorMap } from '../doors/error-map.js';
import { Conflict } from '../kernel/errors.js';

/** More runs than graphql-js interprets before graphql-jit compiles. */
const RUNS = 10;

/** What a resolver gives in place of its value, for some of the fields. */
const FAULTS: Readonly<Record<string, () => unknown>> = {
  'an error that is thrown': () => {
    throw new Error('thrown');
  },
  'an error for the client': () => {
    throw new Conflict('taken');
  },
  'an error with extensions': () => {
    throw new GraphQLError('thrown', { extensions: { code: 'OWN', list: [1] } });
  },
  'a text that is thrown': () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- packages do
    throw 'thrown';
  },
  'nothing that is thrown': () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- packages do
    throw undefined;
  },
  'an error as value': () => new Error('returned'),
  null: () => null,
  undefined: () => undefined,
  'a value of no type': () => Symbol('none'),
  'a list of values and faults': () => [null, new Error('in a list'), {}, 'x', Symbol('none'), 3, null],
};

/** One field in so many fails. */
const FAULTY_SHARE = 5;

function isFaulty(name: string, share: number): boolean {
  return Buffer.from(name).reduce((sum, byte) => sum + byte, 0) % FAULTY_SHARE === share;
}

/**
 * The product's own types, over resolvers that answer with their arguments and place, so that a wrong one shows.
 * @param fault what the fields of one share give instead
 * @param isSlow resolvers settle some turns of the event loop later, each time in another order
 */
function echoingSchema(fault?: () => unknown, share = 0, isSlow = false): GraphQLSchema {
  const schema = describeSchema();
  for (const type of Object.values(schema.getTypeMap())) {
    if (isAbstractType(type)) type.resolveType = () => schema.getPossibleTypes(type)[0]?.name;
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      const echo: typeof field.resolve = (
        _source,
        args: unknown,
        _context,
        { variableValues, operation, parentType },
      ) =>
        valueOf(field.type, {
          args,
          variableValues: ofClient(variableValues),
          operation: operation.operation,
          parentType: parentType.name,
        });
      const resolve = fault && isFaulty(`${type.name}.${field.name}`, share) ? fault : echo;
      field.resolve = isSlow ? later(resolve) : (...given) => resolve(...given);
      noteShortcut(field.resolve, {});
    }
  }
  return schema;
}

/** Without the variables that stand for arguments in compiled documents. */
const ofClient = (variables: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith('__argument')));

let turns = 0;

/** The same resolver, settling after 0 to 4 turns of the event loop. */
function later(resolve: GraphQLFieldResolver<unknown, unknown>): GraphQLFieldResolver<unknown, unknown> {
  return async (source, args, context, info) => {
    turns = (turns * 7 + 3) % 1_009;
    for (let turn = turns % 5; turn > 0; turn -= 1) await setImmediate();
    return resolve(source, args, context, info);
  };
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
      .map((field) => `${name}0${field.name}: ${field.name}${selectionOf(schema, field.type, depth - 1)}`)
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

/** Documents with several fields that fail, beside and below each other. */
const failingCases: Case[] = [
  [
    '{ a: conversations { totalCount nodes { id title createdAt } } b: usage { id date } plans { name } me { id email } }',
  ],
  [
    '{ me { id } node(id: 1) { id ... on Conversation { title id createdAt } } me { email createdAt } usage { date id } }',
  ],
  ['mutation { createConversation(input: {}) { id title createdAt updatedAt } }'],
  [
    'mutation { a: createConversation(input: {}) { id } b: deleteConversations(ids: [1]) c: createConversation(input: {}) { title id } }',
  ],
];

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
  [
    'mutation ($t: String) { a: createConversation(input: { title: $t }) { id } b: createConversation(input: {}) { title } }',
  ],
  // Values that graphql-jit would take for code, or for names of its own.
  ['{ node(id: "__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74dglobalThis.pwned=1") { id } }'],
  ['{ node(id: "__MAGIC_NAN__57f286b9_4c20_487f_b409_79804ddcb4f8") { id } }'],
  ['{ node(id: "__MAGIC_PLUS_INFINITY__bb201c39_3333_4695_b4ad_7f1722e7aa7a") { id } }'],
  [
    'query ($__argument0: ID!, $b: ID = "b") { node(id: $__argument0) { id } o: node(id: $b) { id } }',
    { __argument0: 'a' },
  ],
  ['{ node(id: "\\u2028\\"`${1}\\\\") { id } }'],
  ['{ id_a: conversations { totalCount } a: conversations { id: totalCount } b: conversations { a: totalCount } }'],
  ['{ nodes_x: conversations { totalCount } x: conversations { nodes { id } nodes_idx0: totalCount } }'],
  // The schema itself.
  ['{ __type(name: "__CoercedVariable") { name } }'],
  ['{ __schema { types { name kind fields { name type { kind name ofType { kind name } } } } } }'],
  ['{ __schema { queryType { name } } conversations { totalCount } __typename }'],
  // Conditions of fields that are selected in several places.
  ...[true, false].flatMap((a) =>
    [true, false].flatMap((b): Case[] => {
      const given = '$a: Boolean!, $b: Boolean!';
      const F = 'fragment F on ConversationConnection { totalCount nodes { id } }';
      return [
        [
          `query (${given}) { x: conversations { ...F @include(if: $a) __typename } y: conversations { ...F @skip(if: $b) __typename } } ${F}`,
          { a, b },
        ],
        [
          `query (${given}) { conversations { totalCount @include(if: $a) } conversations { totalCount @skip(if: $b) } __typename }`,
          { a, b },
        ],
        [
          `query (${given}) { conversations @include(if: $a) { totalCount } conversations @skip(if: $b) { nodes { id } } __typename }`,
          { a, b },
        ],
        [
          `query (${given}) { ... @include(if: $a) { ... @skip(if: $b) { conversations { totalCount } } } conversations { ...F } } ${F}`,
          { a, b },
        ],
        [
          `query (${given}) { conversations @skip(if: $a) @include(if: $b) { totalCount } usage @skip(if: true) { id } __typename }`,
          { a, b },
        ],
      ];
    }),
  ),
  // Merged fields, and fragments on interfaces and unions.
  [
    '{ conversations { nodes { id } } ... { conversations { nodes { title id } totalCount } } ...F } fragment F on Query { conversations { nodes { __typename } } }',
  ],
  [
    '{ node(id: 1) { ... on Node { id } ... on Conversation { title id } ... on User { email id } ...F } } fragment F on Node { __typename x: id }',
  ],
];

const signal = new AbortController().signal;
const context = { requestId: 'r1', client: { ipAddress: null, userAgent: null }, signal } as unknown as RequestContext;
const mapError = createErrorMap({ error: () => undefined });
const pipelineOver = (schema: GraphQLSchema): Pipeline => createPipeline(schema, { mapError });

const validCases = (schema: GraphQLSchema, cases: readonly Case[]) =>
  cases.filter(([text]) => validate(schema, parse(text)).length === 0);

/** What graphql-js answers by itself, with its errors as clients see them. */
async function referenceFor(schema: GraphQLSchema, document: DocumentNode, variables: Case[1]): Promise<string> {
  const result = await execute({ schema, document, variableValues: variables ?? {}, contextValue: context });
  const errors = result.errors?.map((error) => mapError(error, context.requestId));
  return JSON.stringify(errors === undefined ? result : { ...result, errors });
}

/** Every different answer of so many runs. */
async function answersOf(pipeline: Pipeline, document: DocumentNode, variables: Case[1] = {}): Promise<string[]> {
  const prepared = pipeline.prepareOwn(document);
  const answers = new Set<string>();
  for (let run = 0; run < RUNS; run += 1) {
    answers.add(JSON.stringify(await pipeline.execute(prepared, { context, variables })));
    answers.add(jsonText(await pipeline.execute(prepared, { context, variables, takesText: true })));
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

it('takes no text of a client for code', async () => {
  const pipeline = pipelineOver(echoingSchema());
  const code = 'globalThis.wasRun=true';
  // What graphql-jit turns into `new Date(...)`, in each place for a text.
  const text = JSON.stringify(`__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d${code}`);
  const places = [`node(id: ${text}) { id }`, `conversations(query: ${text}) { totalCount }`];
  const input = `mutation { createConversation(input: { title: ${text} }) { id } }`;
  const defaulted = `query ($id: ID! = ${text}) { node(id: $id) { id } }`;
  for (const document of [...places.map((place) => `{ ${place} }`), input, defaulted]) {
    await answersOf(pipeline, parse(document));
  }
  expect(globalThis).not.toHaveProperty('wasRun');
});

/** Every root field is looked at for these; for others, {@link failingCases} only. */
const THOROUGHLY = ['an error that is thrown', 'null', 'a list of values and faults'];

describe.each(Object.entries(FAULTS))('a document of which some fields give %s', (name, fault) => {
  it.each([
    [0, 'at once'],
    [0, 'later'],
    [1, 'later'],
  ])(
    'is answered as graphql-js answers it when all settle at once: share %i of the fields, %s',
    async (share, when) => {
      const reference = echoingSchema(fault, share);
      const schema = echoingSchema(fault, share, when === 'later');
      const pipeline = pipelineOver(schema);
      let failed = 0;
      expect(validCases(schema, failingCases)).toEqual(failingCases);
      const isThorough = THOROUGHLY.includes(name) && when === 'later' && share === 0;
      for (const [text] of [...(isThorough ? validCases(schema, literalCases(schema)) : []), ...failingCases]) {
        const document = parse(text);
        const expected = await referenceFor(reference, document, {});
        if (expected.includes('"errors":')) failed += 1;
        expect({ text, answers: await answersOf(pipeline, document) }).toEqual({ text, answers: [expected] });
      }
      expect(failed).toBeGreaterThan(0);
    },
  );
});
