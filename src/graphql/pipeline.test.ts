import { beforeEach, describe, expect, it } from '@jest/globals';
import { execute, getIntrospectionQuery, parse, type ExecutionResult } from 'graphql';
import { Journal, exampleSchema } from '../../test/support/example-schema.js';
import { createErrorMap } from '../doors/error-map.js';
import type { RequestContext } from './context.js';
import { createPipeline, type Pipeline } from './pipeline.js';

const schema = exampleSchema();
let journal: Journal;
let context: RequestContext;
let logged: object[];
let pipeline: Pipeline;

beforeEach(() => {
  journal = new Journal();
  logged = [];
  pipeline = createPipeline(schema, { mapError: createErrorMap({ error: (fields) => logged.push(fields) }) });
  const bare = {
    requestId: 'r1',
    client: { ipAddress: null, userAgent: null },
    signal: () => new AbortController().signal,
  };
  const never = () => {
    throw new Error('The test has none');
  };
  const parts = {
    ...bare,
    journal,
    viewer: never,
    enterStream: never,
    whileSignedIn: never,
    recordInternalCall: never,
    once: <Value>(_key: object, make: () => Value) => make(),
  };
  context = parts;
});

const run = async (text: string, variables: Record<string, unknown> = {}, operationName?: string) =>
  JSON.parse(
    JSON.stringify(await pipeline.execute(pipeline.prepare(text), { context, variables, operationName })),
  ) as ExecutionResult;

const firstError = async (text: string, variables?: Record<string, unknown>) => {
  const { data, errors } = await run(text, variables);
  expect(data).toBeUndefined();
  return errors?.[0];
};

describe('preparing', () => {
  it('happens once a distinct text', () => {
    const text = '{ hello }';
    expect(pipeline.prepare(text)).toBe(pipeline.prepare(text));
  });

  it('forgets the oldest documents when many or long ones come', () => {
    const first = pipeline.prepare('{ hello }');
    for (let index = 0; index < 60; index += 1) pipeline.prepare(`{ a${index}: hello(name: "${'x'.repeat(49_000)}") }`);
    expect(pipeline.prepare('{ hello }')).not.toBe(first);
    const second = pipeline.prepare('{ hello }');
    for (let index = 0; index < 1_001; index += 1) pipeline.prepare(`{ a${index}: hello }`);
    expect(pipeline.prepare('{ hello }')).not.toBe(second);
  });

  it('says where a syntax error is', async () => {
    expect(await firstError('{ hello')).toEqual({
      message: 'Syntax Error: Expected Name, found <EOF>.',
      locations: [{ line: 1, column: 8 }],
      extensions: { code: 'GRAPHQL_PARSE_FAILED' },
    });
  });

  it('names an unknown field', async () => {
    expect(await firstError('{ helo }')).toMatchObject({
      message: 'Cannot query field "helo" on type "Query". Did you mean "hello"?',
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
  });

  it('asks which operation is meant', async () => {
    const code = 'OPERATION_RESOLUTION_FAILURE';
    const both = 'query A { hello } query B { hello }';
    expect(await firstError(both)).toMatchObject({ extensions: { code } });
    expect((await run(both, {}, 'B')).data).toEqual({ hello: 'Hello, world' });
    const { errors } = await run('query A { hello }', {}, 'C');
    expect(errors?.[0]).toMatchObject({ message: 'The document has no operation named "C"', extensions: { code } });
    expect(await firstError('fragment F on Leaf { id }')).toMatchObject({
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
  });

  it('takes a document of our own without limits', async () => {
    const fields = Array.from({ length: 30 }, (_, index) => `a${index}: hello`).join(' ');
    const prepared = pipeline.prepareOwn(parse(`{ ${fields} }`));
    const result = await pipeline.execute(prepared, { context });
    expect(Object.keys(result.data ?? {})).toHaveLength(30);
  });
});

describe('the answer about the schema', () => {
  const answer = (text: string, variables = {}) => pipeline.execute(pipeline.prepare(text), { context, variables });

  it('is made once for documents that mean the same', () => {
    const text = getIntrospectionQuery();
    const first = answer(text);
    expect(first).toEqual(execute({ schema, document: parse(text) }));
    expect(answer(`# again\n${text}`, { unknown: 1 })).toBe(first);
    expect(answer(text.replace('IntrospectionQuery', 'Other'))).not.toBe(first);
  });

  it('depends on the variables', async () => {
    const text = 'query ($name: String = "Leaf") { __typename __type(name: $name) { name } }';
    const named = async (variables = {}) => (await run(text, variables)).data?.['__type'];
    for (let round = 0; round < 6; round += 1) {
      expect(await named()).toEqual({ name: 'Leaf' });
      expect(await named({ name: 'Page' })).toEqual({ name: 'Page' });
      expect(await named({ name: null })).toBeNull();
      expect((await run(text, { name: [] })).errors).toHaveLength(1);
    }
  });

  it('is not kept where other fields are asked for', async () => {
    const text = '{ __schema { queryType { name } } secret }';
    const nobody = await run(text);
    expect(nobody.errors).toHaveLength(1);
    context = { ...context, viewer: () => Promise.resolve({ userId: 'u1' } as never) };
    expect((await run(text)).data).toMatchObject({ secret: 'for u1' });
  });

  it('is limited by the lengths of its own lists', async () => {
    const fields = '{ name args { name } type { fields { name args { name } } } }';
    expect((await run(`{ __type(name: "Leaf") { fields ${fields} } }`)).errors).toBeUndefined();
    const twice = getIntrospectionQuery()
      .replace(/\{\s*__schema/, '{ a: __schema { ...S } b: __schema { ...S } } fragment S on __Schema')
      .replace(/\}\s*\}\s*fragment FullType/, '} fragment FullType');
    expect(await firstError(twice)).toMatchObject({
      message: expect.stringMatching(/^The answer could hold more than [\d,]+ fields about the schema/),
      extensions: { code: 'QUERY_TOO_COMPLEX' },
    });
  });
});

describe('with introspection off', () => {
  beforeEach(() => {
    pipeline = createPipeline(schema, { mapError: createErrorMap({ error: () => undefined }), introspection: false });
  });

  it.each([
    '{ __schema { queryType { name } } }',
    '{ hello ...F } fragment F on Query { type: __type(name: "Leaf") { name } }',
    'mutation { __schema { queryType { name } } }',
    getIntrospectionQuery(),
  ])('the schema is not told: %s', async (text) => {
    expect(await firstError(text)).toMatchObject({
      message: 'Introspection is off on this server',
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
  });

  it('clients still learn the types of what they get', async () => {
    expect((await run('{ __typename hello }')).data).toEqual({ __typename: 'Query', hello: 'Hello, world' });
  });

  it.each([
    ['{ helo }', {}],
    ['{ hello(nam: "x") }', {}],
    ['{ hello ... on Lef { id } }', {}],
    ['query ($name: Strin) { hello(name: $name) }', {}],
    ['{ describe(input: { email: "x", agee: 1 }) }', {}],
    ['query ($input: ThingInput!) { describe(input: $input) }', { input: { email: 'x', agee: 1 } }],
  ])('no name is proposed: %s', async (text, variables) => {
    const { data, errors = [] } = await run(text, variables);
    expect(data).toBeUndefined();
    expect(errors).not.toEqual([]);
    for (const { message } of errors) expect(message).not.toContain('Did you mean');
  });
});

describe('the limits', () => {
  const tooComplex = (message: string) => ({ message, extensions: { code: 'QUERY_TOO_COMPLEX' } });

  it('let the introspection of tools pass', async () => {
    const text = getIntrospectionQuery({
      descriptions: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      specifiedByUrl: true,
    });
    const { errors, data } = await run(text);
    expect(errors).toBeUndefined();
    expect(data).toHaveProperty('__schema');
  });

  it('refuse introspection that recurses or repeats', async () => {
    const recursing = `{ __schema { types ${'{ fields { type '.repeat(6)} { name } ${'} }'.repeat(6)} } }`;
    expect(await firstError(recursing)).toMatchObject({
      extensions: { code: expect.stringMatching(/QUERY_TOO_COMPLEX|GRAPHQL_VALIDATION_FAILED/) },
    });
    const deep = `{ __type(name: "Leaf") ${'{ ofType '.repeat(20)} { name } ${'}'.repeat(20)} }`;
    expect(await firstError(deep)).toMatchObject(tooComplex('The introspection is 22 levels deep; the limit is 16'));
    const whole =
      getIntrospectionQuery()
        .replace(/^[^{]*\{/, '')
        .split('fragment FullType')[0]
        ?.trim()
        .slice(0, -1) ?? '';
    const repeated = `{ ${Array.from({ length: 6 }, (_, index) => `s${index}: ${whole.trim()}`).join(' ')} } fragment FullType${getIntrospectionQuery().split('fragment FullType').at(-1) ?? ''}`;
    expect(await firstError(repeated)).toMatchObject({
      message: 'The schema is asked for 6 times; the limit is 2',
    });
  });

  it('refuse a document of too many tokens', async () => {
    expect(await firstError(`{ ${'hello '.repeat(2_001)} }`)).toMatchObject(
      tooComplex('The document has more than 2000 tokens'),
    );
  });

  it('refuse depth, in fragments too, before validation', async () => {
    const deep = `{ leaves ${'{ nodes '.repeat(12)} { id } ${'}'.repeat(12)} }`;
    expect(await firstError(deep)).toMatchObject(tooComplex('The query is 14 levels deep; the limit is 12'));
    const names = Array.from({ length: 51 }, (_, index) => index);
    const fragments = names.map(
      (index) => `fragment F${index} on Page { a: nodes { ...F${index + 1} } b: nodes { ...F${index + 1} } }`,
    );
    const fanned = `{ leaves { ...F0 } } ${fragments.join(' ')} fragment F51 on Page { nodes { id } }`;
    // Getting an answer at all is the point: following each spread anew would take 2^51 steps.
    expect(await firstError(fanned)).toMatchObject(tooComplex('The query is 54 levels deep; the limit is 12'));
  });

  it('refuse fragments that multiply without depth', async () => {
    const names = Array.from({ length: 30 }, (_, index) => index);
    const fragments = names.map((index) => `fragment F${index} on Query { ...F${index + 1} ... { ...F${index + 1} } }`);
    const multiplied = `{ ...F0 } ${fragments.join(' ')} fragment F30 on Query { hello }`;
    expect(await firstError(multiplied)).toMatchObject(
      tooComplex('The query has 1073741824 root fields; the limit is 20'),
    );
  });

  it('end at a fragment that contains itself', async () => {
    expect(await firstError('{ ...F } fragment F on Query { hello ...F }')).toMatchObject({
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
  });

  it('refuse a hundred logins in one request, without one of them', async () => {
    const logins = Array.from({ length: 100 }, (_, index) => `a${index}: login(password: "${index}")`).join(' ');
    expect(await firstError(`mutation { ${logins} }`)).toMatchObject(
      tooComplex('The mutation has 100 root fields; the limit is 10'),
    );
    expect(journal.calls).toEqual([]);
  });

  it('refuse many aliases below the root', async () => {
    const aliases = Array.from({ length: 51 }, (_, index) => `a${index}: id`).join(' ');
    expect(await firstError(`{ leaf(id: 1) { ${aliases} } }`)).toMatchObject(
      tooComplex('The document has 51 aliases; the limit is 50'),
    );
  });

  it('count lists by their literal or variable size', async () => {
    const tight = createPipeline(schema, {
      mapError: createErrorMap({ error: () => undefined }),
      limits: {
        tokens: 2_000,
        depth: 12,
        introspectionDepth: 16,
        introspections: 2,
        merges: 10_000,
        queryFields: 20,
        mutationFields: 10,
        aliases: 50,
        cost: 100,
      },
    });
    const refuses = async (text: string, variables: Record<string, unknown> = {}) => {
      const { errors } = await tight.execute(tight.prepare(text), { context, variables });
      return errors?.[0]?.message;
    };
    const refusal = (cost: number) =>
      `The answer could hold ${cost} fields; the limit is 100. Ask for fewer fields or smaller pages`;
    expect(await refuses('{ leaves(first: 49) { nodes { id name } } }')).toBeUndefined();
    expect(await refuses('{ leaves(first: 50) { nodes { id name } } }')).toBe(refusal(102));
    expect(await refuses('{ leaves(last: 60) { ...P } } fragment P on Page { nodes { id name } }')).toBe(refusal(122));
    expect(await refuses('{ leaves { nodes { id name } } }')).toBeUndefined();
    const withVariable = 'query ($n: Int = 60) { leaves(first: $n) { nodes { id name } } }';
    expect(await refuses(withVariable)).toBe(refusal(122));
    expect(await refuses(withVariable, { n: 10 })).toBeUndefined();
    for (const _time of ['counted', 'known']) {
      for (let n = 50; n <= 100; n++) expect(await refuses(withVariable, { n })).toBe(refusal(2 + 2 * n));
      expect(await refuses(withVariable, { n: 10 })).toBeUndefined();
      expect(await refuses(withVariable)).toBe(refusal(122));
    }
  });
});

describe('input', () => {
  const store = 'mutation ($input: ThingInput!) { store(input: $input) }';

  it('is refused with every fault by its path', async () => {
    const error = await firstError(store, { input: { age: 'old', detail: { text: 5 }, wrong: 1 } });
    expect(error).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    const { errors } = error?.extensions as { errors: { field: string; message: string }[] };
    expect(errors.map(({ field }) => field).sort()).toEqual([
      'input.age',
      'input.detail.text',
      'input.email',
      'input.wrong',
    ]);
    expect(errors.find(({ field }) => field === 'input.wrong')?.message).toBe(
      'Field "wrong" is not defined by type "ThingInput".',
    );
    expect(await firstError(store)).toMatchObject({
      extensions: { errors: [{ field: 'input', message: 'is required: its type is "ThingInput!"' }] },
    });
    expect(journal.calls).toEqual([]);
  });

  it('is refused in the same words when the document is compiled', async () => {
    const bad = { input: { email: 5 } };
    const before = await run(store, bad);
    for (let round = 0; round < 6; round += 1) await run(store, { input: { email: 'a' } });
    expect(await run(store, bad)).toEqual(before);
  });

  it.each([
    ['a NUL', 'a\0b', 'must not contain a NUL character'],
    ['a lone high surrogate', 'a\ud800', 'must be well-formed Unicode, without a lone surrogate'],
    ['a lone low surrogate', '\udc00', 'must be well-formed Unicode, without a lone surrogate'],
  ])('is refused with %s anywhere in it', async (_name, text, message) => {
    const field = 'input.detail.text';
    const error = await firstError(store, { input: { email: 'a', detail: { text } } });
    expect(error).toMatchObject({
      message: `${field} ${message}`,
      extensions: { code: 'BAD_USER_INPUT', errors: [{ field, message }] },
    });
    const escaped = JSON.stringify(text).slice(1, -1);
    expect(await firstError(`{ hello(name: "${escaped}") }`)).toMatchObject({
      extensions: { code: expect.stringMatching(/BAD_USER_INPUT|GRAPHQL_PARSE_FAILED/) },
    });
    expect(await firstError(store, { input: { [text]: 1 } })).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    expect(journal.calls).toEqual([]);
  });

  it('may hold characters beyond the basic plane', async () => {
    expect((await run('query ($n: String!) { hello(name: $n) }', { n: '🏊' })).data).toEqual({ hello: 'Hello, 🏊' });
  });

  it('is refused with a number that would be stored as null', async () => {
    const variables = JSON.parse('{ "input": { "detail": { "counts": [1.7e308, -1e400] } } }') as Record<
      string,
      unknown
    >;
    const fault = { field: 'input.detail.counts.1', message: 'must not be a number beyond 1.8e308' };
    expect(await firstError(store, variables)).toMatchObject({
      extensions: { code: 'BAD_USER_INPUT', errors: [fault] },
    });
  });

  it('is refused when it is nested too deep', async () => {
    let value: unknown = 'leaf';
    for (let level = 0; level < 40; level += 1) value = { detail: value };
    expect(await firstError(store, { input: value })).toMatchObject({
      message: expect.stringContaining('must not be nested more than 32 levels deep'),
    });
  });
});

describe('compiled execution', () => {
  const documents: [string, Record<string, unknown>][] = [
    ['{ hello leaf(id: "1") { id name __typename } leaves(first: 3) { nodes { id } } }', {}],
    ['query ($n: String! = "you") { hello(name: $n) }', {}],
    ['query ($n: String! = "you") { hello(name: $n) }', { n: 'me' }],
    ['query ($e: String!, $a: Int) { describe(input: { email: $e, age: $a }) }', { e: 'x' }],
    ['query ($e: String!, $t: String!) { describe(input: { email: $e, detail: { text: $t } }) }', { e: 'x', t: 'y' }],
    ['query ($yes: Boolean!) { hello @include(if: $yes) leaf(id: 2) @skip(if: $yes) { id } }', { yes: true }],
    ['{ maybe hello }', {}],
    ['{ missing hello }', {}],
    ['{ limited }', {}],
    ['{ invalid }', {}],
    ['{ explode }', {}],
    ['{ brokenInt }', {}],
    ['query ($n: Int) { leaves(first: $n) { nodes { id } } }', { n: null }],
    ['query ($n: String) { hello(name: $n) }', { n: null }],
    ['fragment F on Query { hello(name: $n) } query ($n: String) { ...F }', { n: null }],
    ['fragment F on Query { hello(name: $n) } query ($n: String) { ...F }', {}],
    ['mutation { store(input: { email: "a" }) }', {}],
  ];

  it.each(documents)('answers as the interpreter does: %s %j', async (text, variables) => {
    const interpreted = await run(text, variables);
    for (let round = 0; round < 5; round += 1) expect(await run(text, variables)).toEqual(interpreted);
    const reference = await execute({
      schema,
      document: parse(text),
      contextValue: context,
      variableValues: variables,
    });
    expect({ data: interpreted.data }).toEqual(JSON.parse(JSON.stringify({ data: reference.data })));
    expect(interpreted.errors?.map(({ path, locations }) => ({ path, locations }))).toEqual(
      reference.errors?.map(({ path, locations }) => ({ path, locations })),
    );
  });
});

describe('errors', () => {
  it('of the domain tell their message, code and details', async () => {
    expect((await run('{ limited }')).errors?.[0]).toMatchObject({
      message: 'Too many requests',
      path: ['limited'],
      extensions: { code: 'RATE_LIMITED', retryAfter: 7 },
    });
    expect(logged).toEqual([]);
  });

  it('of ours are masked, and logged with the request id', async () => {
    const { errors } = await run('{ explode }');
    expect(errors).toEqual([
      {
        message: 'Internal server error',
        path: ['explode'],
        locations: [{ line: 1, column: 3 }],
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'r1' },
      },
    ]);
    expect(logged).toMatchObject([
      { requestId: 'r1', path: 'explode', error: { type: 'Error', stack: expect.stringContaining('at ') } },
    ]);
  });

  it('of our own results are masked too', async () => {
    expect((await run('{ brokenInt }')).errors?.[0]).toMatchObject({ message: 'Internal server error' });
  });
});

describe('subscriptions', () => {
  const subscribe = async (text: string, variables: Record<string, unknown> = {}) => {
    const result = await pipeline.subscribe(pipeline.prepare(text), { context, variables });
    if (!(Symbol.asyncIterator in result)) throw new Error(JSON.stringify(result));
    return result;
  };

  it('give a result an event', async () => {
    const stream = await subscribe('subscription { count(to: 3) }');
    const results: unknown[] = [];
    for await (const { data } of stream) results.push(data?.['count']);
    expect(results).toEqual([1, 2, 3]);
  });

  it('are refused like any operation', async () => {
    const text = 'subscription ($to: Int!) { count(to: $to) }';
    expect(await pipeline.subscribe(pipeline.prepare(text), { context, variables: { to: 'x' } })).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', errors: [{ field: 'to' }] } }],
    });
    expect(await pipeline.subscribe(pipeline.prepare('subscription { refused }'), { context })).toMatchObject({
      errors: [{ message: 'Message not found', extensions: { code: 'NOT_FOUND' } }],
    });
    expect(await pipeline.execute(pipeline.prepare(text), { context, variables: { to: 1 } })).toMatchObject({
      errors: [{ extensions: { code: 'BAD_REQUEST' } }],
    });
  });

  it('end with the error that their source throws', async () => {
    const stream = await subscribe('subscription { tail }');
    expect(await stream.next()).toMatchObject({ value: { data: { tail: 1 } } });
    journal.release.resolve('fail');
    expect(await stream.next()).toMatchObject({
      done: false,
      value: { data: null, errors: [{ message: 'Invalid token', extensions: { code: 'UNAUTHENTICATED' } }] },
    });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('end at once when they are told to, while their source is silent', async () => {
    const stream = await subscribe('subscription { tail }');
    await stream.next();
    const waiting = stream.next();
    await stream.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await journal.sourceEnded.promise;
  });
});
