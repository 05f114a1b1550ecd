import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rawRequest } from '../../../test/support/raw-request.js';
import { startRestDoor, type RunningRestDoor } from '../../../test/support/rest-fixture.js';

let running: RunningRestDoor;
beforeAll(async () => {
  running = await startRestDoor();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const operation = (path: string, method: string) => {
  const found = running.door.document.paths[path]?.[method];
  if (found === undefined) throw new Error(`There is no ${method} ${path}`);
  return found;
};

/** Every value under a key, at any depth. */
function valuesOf(key: string, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value as Record<string, unknown>).flatMap(([name, child]) => [
    ...(name === key ? [child] : []),
    ...valuesOf(key, child),
  ]);
}

describe('the OpenAPI document', () => {
  it('is served as it is, outside the envelope', async () => {
    const answer = await rawRequest(running.port, { path: '/api/v1/openapi.json' });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.json).toEqual(running.door.document);
  });

  it('is the same each time', async () => {
    await using other = await startRestDoor();
    expect(JSON.stringify(other.door.document)).toBe(JSON.stringify(running.door.document));
  });

  it('has an operation for each route, under its own id, and no other path', () => {
    const ids = Object.values(running.door.document.paths).flatMap((methods) =>
      Object.values(methods).map((described) => described['operationId']),
    );
    expect([...ids].sort()).toEqual([
      'createBook',
      'deleteBooks',
      'followBook',
      'getBook',
      'lendBook',
      'listBooks',
      'readBook',
      'replaceBook',
      'streamBook',
      'takeTicket',
      'updateBook',
    ]);
    expect(Object.keys(running.door.document.paths)).toEqual([
      '/books',
      '/books/{book_id}',
      '/books/{book_id}/lend',
      '/books/{book_id}/stream',
      '/read',
      '/read/stream',
      '/ticket',
    ]);
  });

  it('refers to nothing that is not there, and has nothing that is not referred to', () => {
    const { components, ...rest } = running.door.document;
    const refs = new Set(valuesOf('$ref', running.door.document).map(String));
    const { securitySchemes, ...described } = components;
    const there = Object.entries(described).flatMap(([kind, entries]) =>
      Object.keys(entries).map((name) => `#/components/${kind}/${name}`),
    );
    expect([...refs].sort()).toEqual(there.sort());
    const used = valuesOf('security', rest.paths).flat() as object[];
    expect(new Set(used.flatMap((scheme) => Object.keys(scheme)))).toEqual(new Set(Object.keys(securitySchemes)));
  });

  it('describes the envelope around the data, with a full example', () => {
    const { responses } = operation('/books', 'get') as { responses: Record<string, { content: object }> };
    expect(responses['200']).toMatchObject({
      content: {
        'application/json': {
          schema: { $ref: '#/components/schemas/BookListResponse' },
          example: { code: 200, message: 'Success', data: [{ title: 'Middlemarch', cover: 'HARD' }] },
        },
      },
    });
    expect(running.door.document.components.schemas['BookListResponse']).toMatchObject({
      required: ['code', 'message', 'data'],
      properties: {
        code: { type: 'integer' },
        message: { type: 'string' },
        data: { type: 'array', items: { $ref: '#/components/schemas/Book' } },
      },
      additionalProperties: false,
    });
  });

  it('says of objects that every key is there, and which may be null', () => {
    expect(running.door.document.components.schemas['Book']).toEqual({
      type: 'object',
      description: 'A printed book.',
      required: ['book_id', 'title', 'sub_title', 'cover', 'printed_at', 'extra', 'owner_id'],
      properties: {
        book_id: { type: 'string', format: 'uuid' },
        title: { type: 'string', description: 'At most 20 characters.' },
        sub_title: { type: ['string', 'null'] },
        cover: { $ref: '#/components/schemas/Cover' },
        printed_at: { type: ['string', 'null'], format: 'date-time' },
        extra: { type: ['object', 'null'], additionalProperties: true },
        owner_id: { type: 'string', format: 'uuid' },
      },
      additionalProperties: false,
    });
  });

  it('says where each input stands, with the rules of the operation', () => {
    expect(operation('/books', 'get')['parameters']).toEqual([
      { name: 'q', in: 'query', schema: { type: 'string' } },
      { name: 'lent_only', in: 'query', schema: { type: 'boolean' } },
      expect.objectContaining({
        name: 'limit',
        schema: { type: 'integer', format: 'int32', minimum: 1, maximum: 100, default: 100 },
      }),
      expect.objectContaining({ name: 'skip' }),
    ]);
    expect(operation('/books', 'post')['requestBody']).toMatchObject({
      required: true,
      content: {
        'application/json': {
          schema: { $ref: '#/components/schemas/BookInput' },
        },
      },
    });
    const { schemas } = running.door.document.components;
    const named = (name: string) => ({ $ref: `#/components/schemas/${name}` });
    expect(schemas['BookInput']).toMatchObject({
      required: ['title'],
      properties: {
        title: { type: 'string', maxLength: 20 },
        sub_title: { type: ['string', 'null'], maxLength: 20 },
        shelf: named('BookInputShelf'),
        extra: named('BookInputExtra'),
      },
      dependentRequired: { shelf: ['sub_title'] },
    });
    expect(schemas['BookInputShelf']).toMatchObject({
      type: ['object', 'null'],
      properties: { room_name: { type: 'string' }, row_number: { type: ['integer', 'null'] } },
    });
    expect(schemas['BookInputExtra']).toMatchObject({
      type: ['object', 'null'],
      properties: { mark: named('BookInputExtraMark') },
      additionalProperties: true,
    });
    expect(schemas['BookInputExtraMark']).toMatchObject({
      required: ['row'],
      properties: { row: { type: 'integer' } },
      additionalProperties: true,
    });
  });

  it('lists the errors of each operation with their messages, as its route words them', () => {
    const messages = (path: string, method: string) => {
      const { responses } = operation(path, method) as { responses: Record<string, unknown> };
      return Object.fromEntries(
        Object.entries(responses).map(([status, response]) => [
          status,
          (response as { $ref?: string }).$ref ??
            (valuesOf('value', response) as { message: string }[]).map(({ message }) => message),
        ]),
      );
    };
    expect(messages('/books', 'delete')).toMatchObject({
      401: ['Missing admin header', 'Invalid token'],
      403: ['Account disabled', 'Admin privileges required'],
      404: ['User not found'],
      422: '#/components/responses/ValidationError',
      500: '#/components/responses/InternalServerError',
    });
    expect(messages('/books', 'post')).toMatchObject({
      400: ['Malformed JSON', 'Book already exists'],
      413: '#/components/responses/PayloadTooLarge',
      415: '#/components/responses/UnsupportedMediaType',
    });
    expect(operation('/books/{book_id}/lend', 'post')).toMatchObject({
      responses: { 429: { headers: { 'Retry-After': {} } }, 502: {} },
    });
  });

  it('tells the data of errors apart that have a status in common', () => {
    const { responses } = operation('/books/{book_id}/lend', 'post') as { responses: Record<string, object> };
    expect(responses[502]).toMatchObject({
      description: 'OpenAI request failed, or: The book is lent',
      content: {
        'application/json': {
          schema: { $ref: '#/components/schemas/UpstreamErrorOrLentResponse' },
          examples: { TheBookIsLent: { value: { code: 502, message: 'The book is lent', data: { why: 'lent' } } } },
        },
      },
    });
  });

  it('leads from what was made to what can be done with it', () => {
    expect(operation('/books', 'post')).toMatchObject({
      responses: {
        200: {
          links: {
            getBook: { operationId: 'getBook', parameters: { book_id: '$response.body#/data/book_id' } },
            updateBook: {},
            replaceBook: {},
            followBook: {},
          },
        },
      },
    });
    expect(valuesOf('links', operation('/books/{book_id}', 'get'))).toEqual([]);
  });

  it('says who may call', () => {
    expect(operation('/books/{book_id}', 'get')['security']).toEqual([]);
    expect(operation('/books', 'get')['security']).toEqual([{ bearer: [] }, { internalUser: [], internalKey: [] }]);
  });

  it('describes a stream as an operation, and in words where another route gives it too', () => {
    const whole = operation('/read', 'post') as { responses: Record<string, { content: object }> };
    expect(whole).toMatchObject({ description: expect.stringContaining('the events of `POST /read/stream`') });
    expect(whole).not.toHaveProperty('parameters');
    expect(Object.keys(whole.responses['200']?.content ?? {})).toEqual(['application/json']);
    expect(operation('/read/stream', 'post')).toMatchObject({
      operationId: 'streamBook',
      description: expect.stringMatching(/- `completed`: .*\n {4}- `sequence`.*\n {4}- `page_count`/),
      responses: { 200: { content: { 'text/event-stream': {} } } },
    });
    expect(operation('/books/{book_id}/stream', 'get')).toMatchObject({
      parameters: [{ name: 'book_id' }, { name: 'after' }, { name: 'Last-Event-ID', in: 'header' }],
      responses: { 200: { content: { 'text/event-stream': {} } }, 204: {} },
    });
  });
});
