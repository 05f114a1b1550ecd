import { describe, expect, it } from '@jest/globals';
import { buildASTSchema, isObjectType, parse, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { createErrorMap } from '../doors/error-map.js';
import { NotFound } from '../kernel/errors.js';
import type { RequestContext } from './context.js';
import { writeDatesOnce } from './date-time.js';
import { createPipeline } from './pipeline.js';
import { rowPartFor } from './row-fields.js';
import { noteShortcut } from './shortcuts.js';
import { CannotWrite, WrittenList, jsonText } from './written-lists.js';

const SCHEMA = `
  scalar DateTime
  scalar JSONObject
  enum Mood { GLAD SAD }
  type Query { rows: [Row!]!, page: Page!, missing: [Row!]!, holes: [Row] }
  type Page { nodes: [Row!]!, total: Int! }
  type Row {
    id: ID!, title: String, count: Int, share: Float, isDone: Boolean, mood: Mood!, at: DateTime!, content: JSONObject!
    tags: [String!]!, author: Author, lower: String!, friend: Author, args(n: Int = 3): Int, others: [Row!]!
  }
  type Author { id: ID!, name: String }
`;

const ROW = {
  id: '0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000',
  title: 'Where is it "warm"?',
  count: 3,
  share: 0.5,
  isDone: true,
  mood: 'GLAD',
  at: new Date('2026-11-25T12:34:56.007Z'),
  content: { text: 'a\u2028b', list: [1, null, { deep: true }], __proto__: null },
  tags: ['a', '\n', '\ud800', '😀'],
  author: { id: 'a1', name: 'Ada' },
  friend: null as string | null,
  others: [] as object[],
};
type Row = typeof ROW;

const ALL =
  'id title count share isDone mood at content tags author { __typename name id } lower friend { id name } __typename';

const signal = new AbortController().signal;
const context = { requestId: 'r1', client: { ipAddress: null, userAgent: null }, signal } as unknown as RequestContext;
const log = { error: () => undefined };

function schemaOf(rows: readonly unknown[], friendOf: GraphQLFieldResolver<Row, unknown> = () => null): GraphQLSchema {
  const schema = buildASTSchema(parse(SCHEMA));
  Object.assign(schema.getType('DateTime') ?? {}, { serialize: GraphQLDateTime.serialize });
  Object.assign(schema.getType('JSONObject') ?? {}, { serialize: GraphQLJSONObject.serialize });
  writeDatesOnce(schema);
  const set = (name: string, field: string, resolve: GraphQLFieldResolver<Row, unknown>) => {
    const type = schema.getType(name);
    if (isObjectType(type)) Object.assign(type.getFields()[field] ?? {}, { resolve });
  };
  set('Query', 'rows', () => rows);
  set('Query', 'page', () => Promise.resolve({ nodes: rows, total: rows.length }));
  set('Query', 'missing', () => {
    throw new NotFound('List');
  });
  set('Query', 'holes', () => [null, ...rows]);
  const lower = ({ title }: Row) => title.toLowerCase();
  set(
    'Row',
    'lower',
    noteShortcut((row: Row) => lower(row), { read: (row) => lower(row as Row) }),
  );
  set(
    'Row',
    'friend',
    noteShortcut<GraphQLFieldResolver<Row, unknown>>((...given) => friendOf(...given), {}),
  );
  return schema;
}

/** The answers of so many runs to those who take text and to those who do not, and whether the last had a written list. */
async function answersTo(schema: GraphQLSchema, text: string) {
  const pipeline = createPipeline(schema, { mapError: createErrorMap(log) });
  const prepared = pipeline.prepareOwn(parse(text));
  const answers = new Set<string>();
  let hasText = false;
  for (let run = 0; run < 8; run += 1) {
    const result = await pipeline.execute(prepared, { context, takesText: true });
    answers.add(JSON.stringify(await pipeline.execute(prepared, { context })));
    answers.add(JSON.stringify(result));
    answers.add(jsonText(result));
    const { rows, page } = (result.data ?? {}) as { rows?: unknown; page?: { nodes?: unknown } };
    hasText = rows instanceof WrittenList || page?.nodes instanceof WrittenList;
  }
  return { answers: [...answers], hasText };
}

describe('a list of rows that say all that is asked of them', () => {
  const two = [ROW, { ...ROW, id: '2', title: 'again', count: null, author: null }];
  it.each([
    ['as the whole answer', `{ rows { ${ALL} } }`],
    ['in a page', `{ page { nodes { ${ALL} } total } }`],
    [
      'under other names',
      `{ page { x: nodes { a: id b: id c: title } nodes { id } } rows: page { total nodes { id } } }`,
    ],
    ['by fragments', `{ page { nodes { ...F ... { title } ... on Row { count } } } } fragment F on Row { id }`],
    ['of no fields but the name of the type', '{ rows { __typename } }'],
  ])('is written %s', async (_way, text) => {
    for (const rows of [two, [], [ROW]]) {
      const { answers, hasText } = await answersTo(schemaOf(rows), text);
      expect(answers).toHaveLength(1);
      expect(hasText).toBe(true);
    }
  });

  it.each([
    ['has what takes an argument', '{ rows { id args } }'],
    ['has a condition', '{ rows { id title @skip(if: true) } }'],
    ['has a field twice', '{ rows { id author { id } author { name } } }'],
    ['is in a fragment', '{ ...F } fragment F on Query { rows { id } }'],
    ['may have nulls in it', '{ holes { id } }'],
  ])('is not written where it %s', async (_reason, text) => {
    const { answers, hasText } = await answersTo(schemaOf([ROW]), text);
    expect(answers).toHaveLength(1);
    expect(hasText).toBe(false);
  });

  it('has nulls and empty lists in whatever places', async () => {
    const optional = { title: null, count: null, share: null, isDone: null, author: null, tags: [] };
    const names = Object.keys(optional);
    const rows = Array.from({ length: 2 ** names.length }, (_none, set) => {
      const absent = Object.entries(optional).filter((_entry, index) => (set & (2 ** index)) !== 0);
      return { ...ROW, ...Object.fromEntries(absent) };
    });
    for (const fields of [names, [...names].reverse(), ['id', ...names, 'mood'], [...names, 'title', 'at']]) {
      const asked = [...new Set(fields)].map((name) => (name === 'author' ? 'author { id }' : name)).join(' ');
      const again = fields.map((name, index) => `again${index}: ${name === 'author' ? 'author { name }' : name}`);
      const { answers, hasText } = await answersTo(schemaOf(rows), `{ rows { ${asked} ${again.join(' ')} } }`);
      expect(answers).toHaveLength(1);
      expect(hasText).toBe(true);
    }
  });

  it.each([
    { count: 0, share: -0, isDone: false, title: '' },
    { count: -2_147_483_648, share: 1e21, title: 'long '.repeat(300) },
    { count: 5.5, title: true },
    { count: 2_147_483_648 },
    { count: Number.NaN, share: Number.POSITIVE_INFINITY },
    { count: '3', share: '1', isDone: 1 },
    { isDone: 'true' },
    { content: { text: 'a "b" \\ \u0001 \u2028' } },
    { content: 'text' },
    { author: 'Ada' },
    { author: [] },
    { tags: { length: 0 } },
    { tags: null },
  ])('has values as any other answer: %j', async (values) => {
    const { answers } = await answersTo(
      schemaOf([{ ...ROW, ...values }, ROW]),
      `{ rows { ${ALL.replace('lower', '')} } }`,
    );
    expect(answers).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['null in a place that must not be', { id: null }],
    ['a value of no type', { mood: 'ANGRY' }],
    ['no list', { tags: 'a' }],
    ['an error for a value', { title: new Error('broken') }],
    ['no date', { at: new Date(Number.NaN) }],
    ['a number for a text', { title: 5 }],
    ['a value that JSON leaves out', { content: { toJSON: () => undefined } }],
    ['a list with nothing in a place', { tags: Object.assign([], { 1: 'a' }) }],
  ])('is answered as any other where a row has %s', async (_fault, wrong) => {
    const { answers } = await answersTo(
      schemaOf([ROW, { ...ROW, ...wrong }]),
      `{ rows { ${ALL.replace('lower', '')} } }`,
    );
    expect(answers).toHaveLength(1);
  });

  it('waits for what its rows lead to, and tells what went wrong there', async () => {
    const friends = [
      () => ({ id: 'f' }),
      () => Promise.resolve({ id: 'f', name: 'Grace' }),
      () => Promise.resolve(null),
      () => Promise.reject(new NotFound('User')),
      () => {
        throw new NotFound('User');
      },
    ];
    for (const [index, friendOf] of friends.entries()) {
      const { answers, hasText } = await answersTo(schemaOf(two, friendOf), `{ page { nodes { ${ALL} } } }`);
      expect(answers).toHaveLength(1);
      expect(answers[0]?.includes('NOT_FOUND')).toBe(index > 2);
      expect(hasText).toBe(index < 3);
    }
  });

  it('asks once what rows behind one another lead to, and not at all where they have its id', async () => {
    const friends = ['a', 'a', null, 'b', null, 'b', 'c"'];
    const rows = friends.map((friend) => ({ ...ROW, friend }));
    let asked = 0;
    const schemaBy = (isThere: boolean) => {
      const schema = schemaOf(rows);
      const type = schema.getType('Row');
      const resolve: GraphQLFieldResolver<Row, unknown> = ({ friend: id }) => {
        asked += 1;
        return id === null ? null : isThere ? { id, name: `${id}!` } : Promise.resolve({ id, name: `${id}!` });
      };
      if (isObjectType(type)) {
        const reference = { property: 'friend', isThere };
        Object.assign(type.getFields()['friend'] ?? {}, { resolve: noteShortcut(resolve, { reference }) });
      }
      return schema;
    };
    const runsOf = async (isThere: boolean, fields: string) => {
      const pipeline = createPipeline(schemaBy(isThere), { mapError: createErrorMap(log) });
      const prepared = pipeline.prepareOwn(parse(`{ rows { id friend { ${fields} } title } }`));
      const answers = new Set<string>();
      for (let run = 0; run < 8; run += 1) {
        asked = 0;
        answers.add(jsonText(await pipeline.execute(prepared, { context, takesText: true })));
      }
      const times = asked;
      answers.add(JSON.stringify(await pipeline.execute(prepared, { context })));
      expect(answers.size).toBe(1);
      expect(JSON.parse([...answers][0] ?? '')).toMatchObject({
        data: { rows: friends.map((id) => ({ friend: id === null ? null : {} })) },
      });
      return times;
    };
    for (const fields of ['id', '__typename id', 'a: id __typename', '__typename b: __typename x: id c: __typename']) {
      expect(await runsOf(true, fields)).toBe(0);
      expect(await runsOf(false, fields)).toBe(4);
    }
    for (const fields of ['id name', 'id b: id', '__typename', '... { id }'])
      expect(await runsOf(true, fields)).toBe(4);
  });

  it('is written again once what went wrong is over, and not tried each time meanwhile', async () => {
    let isDown = true;
    let [asked, tried] = [0, 0];
    const schema = schemaOf([ROW], () => {
      tried += 1;
      return isDown ? Promise.reject(new NotFound('User')) : { id: 'f' };
    });
    const pipeline = createPipeline(schema, { mapError: createErrorMap(log) });
    const prepared = pipeline.prepareOwn(parse('{ rows { id friend { id } } }'));
    const run = async () => {
      asked += 1;
      return (await pipeline.execute(prepared, { context, takesText: true })).data?.['rows'] instanceof WrittenList;
    };
    for (let time = 0; time < 100; time += 1) expect(await run()).toBe(false);
    expect(tried - asked).toBe(10);
    isDown = false;
    while (!(await run())) expect(asked).toBeLessThan(1_200);
    // One that fails now and then is no reason to stop.
    for (let time = 0; time < 50; time += 1) {
      isDown = time % 2 === 0;
      expect(await run()).toBe(!isDown);
    }
  });

  it('hears of every failure of what its rows lead to', async () => {
    let calls = 0;
    const friendOf = () => {
      calls += 1;
      if (calls % 2 === 0) throw new NotFound('User');
      return Promise.reject(new NotFound('User'));
    };
    // What nobody hears of ends the process, and the test.
    const { answers } = await answersTo(schemaOf([ROW, ROW, ROW], friendOf), '{ rows { id friend { id } } }');
    expect(answers).toHaveLength(1);
  });

  it('tells an error of the list itself', async () => {
    const { answers } = await answersTo(schemaOf([]), '{ missing { id } }');
    expect(answers).toHaveLength(1);
    expect(answers[0]).toContain('NOT_FOUND');
    expect(answers[0]).toContain('"path":["missing"]');
    expect(answers[0]).not.toContain('__written');
  });

  it('is seen by the resolvers above it as the document asks for it', async () => {
    const schema = schemaOf([ROW]);
    const partOf = rowPartFor(new Set(['id', 'title']));
    const seen = new Set<string>();
    const page = schema.getQueryType()?.getFields()['page'];
    Object.assign(page ?? {}, {
      resolve: (...[, , , info]: Parameters<GraphQLFieldResolver<unknown, unknown>>) => {
        seen.add(`${info.fieldName} ${partOf(info)}`);
        return { nodes: [ROW], total: 1 };
      },
    });
    expect((await answersTo(schema, '{ page { nodes { id title } total } }')).hasText).toBe(true);
    expect([...seen]).toEqual(['page few']);
  });

  it('is one that others can read', () => {
    const list = new WrittenList('[{"id":"1"}]', 1);
    expect(JSON.stringify({ list })).toBe('{"list":[{"id":"1"}]}');
    expect(jsonText({ a: list, b: [list, '[]'] })).toBe('{"a":[{"id":"1"}],"b":[[{"id":"1"}],"[]"]}');
    expect(new CannotWrite()).toBeInstanceOf(Error);
  });
});
