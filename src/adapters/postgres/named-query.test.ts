import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Rows } from '../../ports/database.js';
import { NamedQuery } from './named-query.js';
import type { Column } from './row-maker.js';
import { RowMessage } from './row-messages.js';

const { TEXT, INT4, INT8, JSONB, TIMESTAMPTZ } = pg.types.builtins;

interface Answer {
  readonly columns: readonly (readonly [name: string, type: Column['dataTypeID']])[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly command?: string;
}

/** As the server sends a row, in the middle of other messages. */
function rowMessage(texts: readonly (string | null)[]): RowMessage {
  const columns = texts.map((text) => (text === null ? null : Buffer.from(text)));
  const parts = columns.flatMap((bytes) => (bytes === null ? [int32(-1)] : [int32(bytes.length), bytes]));
  const row = Buffer.concat([Buffer.from([texts.length >> 8, texts.length & 0xff]), ...parts]);
  return new RowMessage(Buffer.concat([Buffer.from('before'), row, Buffer.from('after')]), 6, row.length + 4);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** What a statement is answered with, as the client passes it on. */
function answer({ columns, rows, command = `SELECT ${rows.length}` }: Answer) {
  const answers: (Error | Rows<unknown>)[] = [];
  const query = new NamedQuery('a_name', 'SELECT', [], (error, found) => answers.push(error ?? found));
  query.handleRowDescription({ fields: columns.map(([name, dataTypeID]) => ({ name, dataTypeID })) });
  for (const texts of rows) query.handleDataRow(rowMessage(texts));
  query.handleCommandComplete({ text: command });
  expect(answers).toEqual([]);
  query.handleReadyForQuery();
  expect(answers).toHaveLength(1);
  return answers[0];
}

describe('a named statement', () => {
  it('makes its rows by the types of its columns, in their order', () => {
    const columns = [
      ['b', TEXT],
      ['a', INT4],
      ['large', INT8],
      ['document', JSONB],
      ['time', TIMESTAMPTZ],
      ['__proto__', TEXT],
      [`it's "quoted" \\`, TEXT],
    ] as const;
    const found = answer({
      columns,
      rows: [
        ['x', '1', '2', '{"deep": [1]}', '2024-02-29 23:59:59.999+00', 'own', ''],
        [null, null, null, null, null, null, null],
      ],
    });
    const [full, empty] = (found as Rows<Record<string, unknown>>).rows;
    expect(Object.entries(full ?? {})).toEqual([
      ['b', 'x'],
      ['a', 1],
      ['large', 2],
      ['document', { deep: [1] }],
      ['time', new Date('2024-02-29T23:59:59.999Z')],
      ['__proto__', 'own'],
      [`it's "quoted" \\`, ''],
    ]);
    expect(Object.values(empty ?? {})).toEqual(columns.map(() => null));
  });

  it.each([
    '{"text": "a"}',
    '{"text": ""}',
    '{"text": "Grüße, 😀, \u2028"}',
    '{"text": "\\""}',
    '{"text": "\\\\"}',
    '{"text": "a \\"b\\" \\n"}',
    '{"text": "a", "more": "b"}',
    '{"text": "a", "text2": ""}',
    '{"text": ["a"]}',
    '{"text": {"a": "b"}}',
    '{"text": "}"}',
    '{"texts": "a"}',
    '{"": "a"}',
    '{"__proto__": "a"}',
    '"{\\"text\\": \\"a\\"}"',
    '{}',
    '[]',
    'null',
    '1e400',
    '12345678901234567890',
  ])('reads the document %s as JSON', (json) => {
    const found = answer({ columns: [['document', JSONB]], rows: [[json]] }) as Rows<{ document: unknown }>;
    const document = found.rows[0]?.document;
    expect([document, JSON.stringify(document)]).toEqual([JSON.parse(json), JSON.stringify(JSON.parse(json))]);
  });

  it('makes them anew when its columns are others than before', () => {
    expect(answer({ columns: [['a', TEXT]], rows: [['1']] })).toMatchObject({ rows: [{ a: '1' }] });
    expect(answer({ columns: [['a', INT4]], rows: [['1']] })).toMatchObject({ rows: [{ a: 1 }] });
    expect(answer({ columns: [['b', INT4]], rows: [['1']] })).toMatchObject({ rows: [{ b: 1 }] });
    const two = [
      ['b', INT4],
      ['a', TEXT],
    ] as const;
    expect(answer({ columns: two, rows: [['1', '2']] })).toMatchObject({ rows: [{ b: 1, a: '2' }] });
  });

  it('counts the rows that it read or changed, and their bytes', () => {
    expect(answer({ columns: [['a', TEXT]], rows: [['1'], ['2']] })).toMatchObject({ rowCount: 2, bytes: 22 });
    expect(answer({ columns: [], rows: [], command: 'INSERT 0 3' })).toMatchObject({ rowCount: 3, rows: [] });
    expect(answer({ columns: [], rows: [], command: 'SET' })).toMatchObject({ rowCount: 0 });
  });

  it('fails when a row has other columns than the server has described', () => {
    const columns = [['a', TEXT]] as const;
    expect(answer({ columns, rows: [['1', '2']] })).toBeInstanceOf(Error);
    expect(answer({ columns, rows: [[]] })).toBeInstanceOf(Error);
  });

  it('fails when the server is done, if a row of it cannot be read', () => {
    const columns = [['large', INT8]] as const;
    expect(answer({ columns, rows: [['9007199254740992'], ['1']] })).toBeInstanceOf(RangeError);
  });
});
