import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { unacceptedChanges } from '../../tools/api-stability/accepted-changes.js';
import { breakingGraphqlChanges } from '../../tools/api-stability/graphql-changes.js';
import { breakingOpenApiChanges, type OpenApiDocument } from '../../tools/api-stability/openapi-changes.js';

const readSchema = (name: string) => readFileSync(new URL(`../../schema/${name}`, import.meta.url), 'utf8');

describe('the comparison of OpenAPI documents', () => {
  test('finds nothing between the emitted document and itself', () => {
    const read = () => JSON.parse(readSchema('openapi.json')) as OpenApiDocument;
    expect(breakingOpenApiChanges(read(), read())).toEqual([]);
  });

  const query = 'paths /things get parameters 0';
  const body = 'paths /things post requestBody';
  const form = `${body} content application/json schema`;
  const answer = 'paths /things get responses 200';
  const data = `${answer} content application/json schema`;
  const GET = 'GET /things';
  const POST = 'POST /things body:';

  describe('finds as breaking', () => {
    test.each<[string, Edit[], string[]]>([
      ['a path that is gone', [['paths /things']], ['GET /things is gone', 'POST /things is gone']],
      ['an operation that is gone', [['paths /things post']], ['POST /things is gone']],
      ['a server that is gone', [['servers', [{ url: '/api/v2' }]]], ['server /api/v1 is gone']],
      [
        'another security scheme',
        [['components securitySchemes bearer', {}]],
        ['security scheme bearer is another one'],
      ],
      [
        'credentials on what was public',
        [['paths /things get security', [{ bearer: [] }]]],
        [`${GET} no longer takes no credentials`],
      ],
      ['credentials that no longer suffice', [['paths /things post security 1']], ['POST /things no longer takes key']],

      ['a parameter that is gone', [['paths /things get parameters', []]], [`${GET} query parameter kind is gone`]],
      [
        'a parameter that is now required',
        [[`${query} required`, true]],
        [`${GET} query parameter kind is now required`],
      ],
      [
        'a new required parameter',
        [['paths /things get parameters 1', { name: 'q', in: 'query', required: true, schema: {} }]],
        [`${GET} query parameter q is now required`],
      ],
      [
        'a narrower enum in a request',
        [[`${query} schema enum`, ['A']]],
        [`${GET} query parameter kind value "B" is no longer accepted`],
      ],
      ['another default', [[`${query} schema default`, 'B']], [`${GET} query parameter kind default "A" is now "B"`]],

      ['a body that is gone', [[body]], ['POST /things body is gone']],
      ['a body that is now required', [[`${body} required`, true]], ['POST /things body is now required']],
      [
        'a media type that requests may no longer have',
        [[`${body} content`, {}]],
        ['POST /things body as application/json is gone'],
      ],
      ['a property that requests may no longer have', [[`${form} properties note`]], [`${POST} note is gone`]],
      ['a property that requests now need', [[`${form} required`, ['name', 'note']]], [`${POST} note is now required`]],
      [
        'a narrower type in a request',
        [[`${form} properties note type`, 'string']],
        [`${POST} note type null is no longer accepted`],
      ],
      [
        'another type in a request',
        [[`${form} properties name type`, 'integer']],
        [`${POST} name type string is no longer accepted`],
      ],
      [
        'a stricter bound',
        [[`${form} properties name maxLength`, 5]],
        [`${POST} name a value beyond maxLength 5 is no longer accepted`],
      ],
      [
        'a new bound',
        [[`${form} properties name minLength`, 1]],
        [`${POST} name a value beyond minLength 1 is no longer accepted`],
      ],
      [
        'a new pattern',
        [[`${form} properties name pattern`, 'x']],
        [`${POST} name a value beyond pattern "x" is no longer accepted`],
      ],
      [
        'a condition that it cannot weigh',
        [[`${form} if`, {}]],
        ['POST /things body: a value beyond if {} is no longer accepted'],
      ],
      [
        'a closed object in a request',
        [[`${form} properties extra additionalProperties`, false]],
        [`${POST} extra.* is restricted`],
      ],

      ['a status that is gone', [['paths /things get responses 404']], [`${GET} 404 is gone`]],
      ['a header that is gone', [[`${answer} headers`]], [`${GET} 200 header Total is gone`]],
      [
        'a media type that is gone',
        [[`${answer} content`, { 'text/plain': {} }]],
        [`${GET} 200 as application/json is gone`],
      ],
      [
        'a property that is gone',
        [['components schemas Thing properties id'], ['components schemas Thing required', ['kind']]],
        [
          'components/schemas/Thing in a response: id is gone',
          'components/schemas/Thing in a response: id is no longer required',
        ],
      ],
      [
        'a property that may now be absent',
        [['components schemas Thing required', ['id']]],
        ['components/schemas/Thing in a response: kind is no longer required'],
      ],
      [
        'a property of another type',
        [['components schemas Thing properties id type', 'integer']],
        ['components/schemas/Thing in a response: id type integer was never answered before'],
      ],
      [
        'a property that may now be null',
        [['components schemas Thing properties id type', ['string', 'null']]],
        ['components/schemas/Thing in a response: id type null was never answered before'],
      ],
      [
        'a wider enum in a response',
        [['components schemas Thing properties kind enum', ['A', 'B', 'C']]],
        ['components/schemas/Thing in a response: kind value "C" was never answered before'],
      ],
      [
        'another constant in a response',
        [[`${data} properties message const`, 'Done']],
        [`${GET} 200: message value "Done" was never answered before`],
      ],
      [
        'an enum that is gone from a response',
        [['components schemas Thing properties kind enum']],
        ['components/schemas/Thing in a response: kind a value beyond "A", "B" was never answered before'],
      ],
      [
        'a format that is gone from a response',
        [['components schemas Thing properties id format']],
        ['components/schemas/Thing in a response: id a value beyond format "uuid" was never answered before'],
      ],
      [
        'items of another type',
        [[`${data} properties data items`, { type: 'string' }]],
        [
          `${GET} 200: data[] type string was never answered before`,
          `${GET} 200: data[].id is gone`,
          `${GET} 200: data[].kind is gone`,
          `${GET} 200: data[].id is no longer required`,
          `${GET} 200: data[].kind is no longer required`,
        ],
      ],
      [
        'another form of a response',
        [['components responses NotFound content application/json schema anyOf 2', { type: 'integer' }]],
        ['components/responses/NotFound: a value beyond "Not found" was never answered before'],
      ],
      [
        'a wider enum in a shared response',
        [['components responses NotFound content application/json schema anyOf 0 const', 'Lost']],
        ['components/responses/NotFound: value "Lost" was never answered before'],
      ],
    ])('%s', (_what, edits, expected) => {
      expect(breakingOpenApiChanges(released(), edited(edits)).toSorted()).toEqual(expected.toSorted());
    });
  });

  describe('lets pass', () => {
    test.each<[string, Edit[]]>([
      [
        'a form that moved into the components',
        [
          ['components schemas Gone', { const: 'Gone' }],
          [
            'components responses NotFound content application/json schema anyOf 1',
            { $ref: '#/components/schemas/Gone' },
          ],
        ],
      ],
      ['a new path', [['paths /others', { get: { responses: {} } }]]],
      ['a new operation', [['paths /things delete', { responses: {} }]]],
      ['a new status', [['paths /things get responses 409', { description: 'Conflict' }]]],
      ['a new optional parameter', [['paths /things get parameters 1', { name: 'q', in: 'query', schema: {} }]]],
      ['a new way to authenticate', [['paths /things post security 2', { cookie: [] }]]],
      ['no more need for credentials', [['paths /things post security', []]]],
      ['a new optional property in a request', [[`${form} properties colour`, { type: 'string' }]]],
      ['a property that requests need no more', [[`${form} required`, []]]],
      ['a wider enum in a request', [[`${query} schema enum`, ['A', 'B', 'C']]]],
      ['a wider type in a request', [[`${form} properties name type`, ['string', 'null']]]],
      ['a looser bound', [[`${form} properties name maxLength`, 50]]],
      [
        'a new property in a response',
        [
          ['components schemas Thing properties size', { type: 'integer' }],
          ['components schemas Thing required', ['id', 'kind', 'size']],
        ],
      ],
      ['a narrower enum in a response', [['components schemas Thing properties kind enum', ['A']]]],
      [
        'one constant of an enum in a response',
        [['components schemas Thing properties kind', { type: 'string', const: 'B' }]],
      ],
      [
        'other words',
        [
          ['paths /things get description', 'x'],
          ['components schemas Thing description', 'y'],
        ],
      ],
      [
        'a schema that moved into the components',
        [
          ['components schemas Form', valueAt(released(), form)],
          [form, { $ref: '#/components/schemas/Form' }],
        ],
      ],
    ])('%s', (_what, edits) => {
      expect(breakingOpenApiChanges(released(), edited(edits))).toEqual([]);
    });
  });
});

describe('the comparison of GraphQL schemas', () => {
  const before = `
    type Query { thing(id: ID!, kind: Kind = A): Thing  things: [Thing!]! }
    type Thing { id: ID!  kind: Kind! }
    input Form { name: String!  note: String }
    type Mutation { addThing(form: Form!): Thing }
    enum Kind { A B }
  `;

  test('finds nothing between the emitted schema and itself', async () => {
    expect(await breakingGraphqlChanges(readSchema('schema.graphql'), readSchema('schema.graphql'))).toEqual([]);
  });

  test.each([
    ['a field that is gone', 'things: [Thing!]!', '', "Field 'things' was removed from object type 'Query'"],
    [
      'a field of another type',
      'id: ID!  kind',
      'id: Int!  kind',
      "Field 'Thing.id' changed type from 'ID!' to 'Int!'",
    ],
    [
      'a field that may now be null',
      'kind: Kind! }',
      'kind: Kind }',
      "Field 'Thing.kind' changed type from 'Kind!' to 'Kind'",
    ],
    ['an argument that is gone', ', kind: Kind = A', '', "Argument 'kind: Kind' was removed from field 'Query.thing'"],
    ['a new required argument', 'id: ID!,', 'id: ID!, of: ID!,', "Argument 'of: ID!' added to field 'Query.thing'"],
    ['a value that is gone', '{ A B }', '{ A }', "Enum value 'B' was removed from enum 'Kind'"],
    [
      'an input field that is gone',
      '  note: String',
      '',
      "Input field 'note' was removed from input object type 'Form'",
    ],
    [
      'a new required input field',
      'note: String',
      'note: String!',
      "Input field 'Form.note' changed type from 'String' to 'String!'",
    ],
  ])('finds as breaking %s', async (_what, from, to, expected) => {
    expect(before).toContain(from);
    expect(await breakingGraphqlChanges(before, before.replace(from, to))).toEqual([expected]);
  });

  test.each([
    ['a new field', 'things:', 'more: Int  things:'],
    ['a new optional argument', 'id: ID!,', 'id: ID!, of: ID,'],
    ['a new optional input field', 'note:', 'more: Int  note:'],
    ['a new value', '{ A B }', '{ A B C }'],
    ['a description', 'type Thing', '"Words." type Thing'],
  ])('lets pass %s', async (_what, from, to) => {
    expect(before).toContain(from);
    expect(await breakingGraphqlChanges(before, before.replace(from, to))).toEqual([]);
  });
});

describe('the list of accepted changes', () => {
  const list = JSON.stringify([{ reason: 'Nobody used them.', changes: ['REST: a', 'REST: b'] }]);

  test('accepts the changes that it names', () => {
    expect(unacceptedChanges(['REST: a', 'REST: b'], list)).toEqual([]);
  });

  test('does not accept any other', () => {
    expect(unacceptedChanges(['REST: a', 'REST: b', 'REST: c'], list)).toEqual(['Breaks clients: REST: c']);
  });

  test('names no change that does not occur', () => {
    expect(unacceptedChanges(['REST: a'], list)).toEqual(['Listed, but does not occur: REST: b']);
  });

  test('has a reason for each', () => {
    expect(() => unacceptedChanges(['REST: a'], '[{"reason": " ", "changes": ["REST: a"]}]')).toThrow('reason');
  });
});

/** A path, with its steps separated by spaces, and the new value there; without a value, the old one is removed. */
type Edit = [where: string, value?: unknown];

function released(): OpenApiDocument {
  return {
    servers: [{ url: '/api/v1' }],
    paths: {
      '/things': {
        get: {
          security: [],
          parameters: [{ name: 'kind', in: 'query', schema: { type: 'string', enum: ['A', 'B'], default: 'A' } }],
          responses: {
            '200': {
              headers: { Total: { schema: { type: 'integer' } } },
              content: {
                'application/json': {
                  schema: {
                    type: 'object',
                    required: ['message', 'data'],
                    properties: {
                      message: { type: 'string', const: 'Success' },
                      data: { type: 'array', items: { $ref: '#/components/schemas/Thing' } },
                    },
                    additionalProperties: false,
                  },
                },
              },
            },
            '404': { $ref: '#/components/responses/NotFound' },
          },
        },
        post: {
          security: [{ bearer: [] }, { key: [] }],
          requestBody: {
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['name'],
                  properties: {
                    name: { type: 'string', maxLength: 10 },
                    note: { type: ['string', 'null'] },
                    extra: { type: 'object', additionalProperties: true },
                  },
                  additionalProperties: false,
                },
              },
            },
          },
          responses: { '404': { $ref: '#/components/responses/NotFound' } },
        },
      },
    },
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'A token.' } },
      schemas: {
        Thing: {
          type: 'object',
          required: ['id', 'kind'],
          properties: { id: { type: 'string', format: 'uuid' }, kind: { type: 'string', enum: ['A', 'B'] } },
          additionalProperties: false,
        },
      },
      responses: {
        NotFound: {
          content: { 'application/json': { schema: { anyOf: [{ const: 'Not found' }, { const: 'Gone' }] } } },
        },
      },
    },
  };
}

function edited(edits: readonly Edit[]): OpenApiDocument {
  const document = released();
  for (const [where, value] of edits) {
    const steps = where.split(' ');
    const last = steps.pop() ?? '';
    const parent = steps.reduce<unknown>(child, document) as Record<string, unknown>;
    if (value !== undefined) parent[last] = value;
    else if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else Reflect.deleteProperty(parent, last);
  }
  return document;
}

function valueAt(document: OpenApiDocument, where: string): unknown {
  return where.split(' ').reduce<unknown>(child, document);
}

function child(node: unknown, step: string): unknown {
  return (node as Record<string, unknown>)[step];
}
