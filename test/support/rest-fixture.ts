import 'reflect-metadata';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import {
  Arg,
  buildSchemaSync,
  createUnionType,
  Extensions,
  Field,
  FieldResolver,
  Float,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import { z } from 'zod';
import { createErrorMap } from '../../src/doors/error-map.js';
import { emitRest } from '../../src/doors/rest/emit.js';
import type { OpenApiDocument } from '../../src/doors/rest/openapi.js';
import type { Reference } from '../../src/doors/rest/reference.js';
import { createRestDoor, type RestDoor } from '../../src/doors/rest/rest-door.js';
import { connectionType } from '../../src/graphql/connection.js';
import type { RequestContext } from '../../src/graphql/context.js';
import type { Credentials } from '../../src/kernel/caller.js';
import { Node } from '../../src/graphql/node.js';
import { Operation } from '../../src/graphql/operation.js';
import { createPipeline } from '../../src/graphql/pipeline.js';
import { RestField, RestHidden } from '../../src/rest/field.js';
import { Rest, RestStream } from '../../src/rest/route.js';
import { body, constant, cookie, header, paging, path, query } from '../../src/rest/sources.js';
import {
  Conflict,
  Forbidden,
  Invalid,
  NotFound,
  RateLimited,
  Unauthenticated,
  Unavailable,
  UpstreamFailed,
} from '../../src/kernel/errors.js';
import { connectionOf, pageOf, pageRequest, type Connection } from '../../src/kernel/page.js';
import { jsonObject, text } from '../../src/kernel/rules.js';
import type { Viewer } from '../../src/kernel/viewer.js';

/** A library of books: a schema with every feature of REST metadata, and nothing of the product. */

export const BOOK_ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const OWNER_ID = '01890a5d-ac96-774b-bcce-b302099a8058';

const Cover = { HARD: 'hard-cover', SOFT: 'soft-cover' } as const;
registerEnumType(Cover, { name: 'Cover' });

interface BookRow {
  readonly id: string;
  readonly title: string;
  readonly subTitle: string | null;
  readonly ownerId: string;
  readonly cover: (typeof Cover)[keyof typeof Cover];
  readonly printedAt: Date | null;
  readonly extra: Record<string, unknown> | null;
}

@ObjectType('Reader', { implements: Node, simpleResolvers: true })
class Reader {
  @RestField({ name: 'reader_id' })
  @Field(() => ID)
  readonly id!: string;
}

@ObjectType('Book', { implements: Node, simpleResolvers: true, description: 'A printed book.' })
class Book {
  @RestField({ name: 'book_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, { description: 'At most 20 characters.' })
  readonly title!: string;

  @Field(() => String, { nullable: true })
  readonly subTitle!: string | null;

  @Field(() => Cover)
  readonly cover!: BookRow['cover'];

  @Field(() => GraphQLDateTime, { nullable: true })
  readonly printedAt!: Date | null;

  @Field(() => GraphQLJSONObject, { nullable: true })
  readonly extra!: Record<string, unknown> | null;

  @RestHidden()
  @Field(() => String, { nullable: true })
  readonly secretNote!: string | null;

  @Field(() => Reader, { nullable: true, description: 'Leads to another object: not in REST unless it says so.' })
  readonly lender!: Reader | null;
}
const BookConnection = connectionType(Book as never, 'Book');

@InputType()
class ShelfInput {
  @Field(() => String)
  readonly roomName!: string;

  @Field(() => Int, { nullable: true })
  readonly rowNumber?: number;
}

@InputType()
class BookInput {
  @Field(() => String)
  readonly title!: string;

  @Field(() => String, { nullable: true })
  readonly subTitle?: string | null;

  @Field(() => Cover, { defaultValue: Cover.SOFT })
  readonly cover!: BookRow['cover'];

  @Field(() => Boolean, { nullable: true })
  readonly isLent?: boolean;

  @Field(() => Int, { nullable: true })
  readonly pageCount?: number;

  @Field(() => Float, { nullable: true })
  readonly weight?: number;

  @Field(() => [String], { nullable: true })
  readonly keyWords?: string[];

  @Field(() => GraphQLDateTime, { nullable: true })
  readonly printedAt?: Date;

  @Field(() => GraphQLJSONObject, { nullable: true })
  readonly extra?: Record<string, unknown>;

  @Field(() => ShelfInput, { nullable: true })
  readonly shelf?: ShelfInput;

  @Field(() => ID, { nullable: true })
  readonly ownerId?: string;
}

@InputType()
class BookChanges {
  @Field(() => String, { nullable: true })
  readonly title?: string | null;

  @Field(() => String, { nullable: true })
  readonly subTitle?: string | null;
}

@ObjectType({ simpleResolvers: true })
class Lending {
  @Field(() => Book)
  readonly book!: BookRow;

  @Field(() => Boolean)
  readonly isNew!: boolean;
}

@ObjectType('PageRead', { simpleResolvers: true })
class PageRead {
  @Field(() => Int)
  readonly sequence!: number;

  @Field(() => String)
  readonly text!: string;
}

@ObjectType('BookRead', { simpleResolvers: true })
class BookRead {
  @Field(() => Int)
  readonly sequence!: number;

  @Field(() => Int)
  readonly pageCount!: number;
}

@ObjectType('ReadingFailed', { simpleResolvers: true })
class ReadingFailed {
  @Field(() => Int)
  readonly sequence!: number;

  @Field(() => String)
  readonly reason!: string;
}

export type ReadingRow = {
  readonly kind: 'PageRead' | 'BookRead' | 'ReadingFailed';
  readonly sequence: number;
} & Record<string, unknown>;
const ReadingEvent = createUnionType({
  name: 'ReadingEvent',
  types: () => [PageRead, BookRead, ReadingFailed] as const,
  resolveType: (event) => (event as unknown as ReadingRow).kind,
});

const sampleBook = (id = BOOK_ID): BookRow => ({
  id,
  title: 'Middlemarch',
  subTitle: null,
  ownerId: OWNER_ID,
  cover: Cover.HARD,
  printedAt: new Date('2026-01-31T12:00:00Z'),
  extra: { a: [1] },
});

/** The events, one after the other. */
export async function* eventsOf(events: readonly ReadingRow[], fault?: Error): AsyncGenerator<ReadingRow, void, void> {
  await Promise.resolve();
  yield* events;
  if (fault !== undefined) throw fault;
}

/** Records the resolvers' calls and holds the events of subscriptions; tests read and set it. */
export class Library {
  readonly calls: unknown[] = [];
  /** Makes the events of the next subscriptions. */
  read: (args: object, signal: AbortSignal) => AsyncIterable<ReadingRow> = () => eventsOf([]);
}

const reading = {
  events: { PageRead: 'delta', BookRead: 'completed', ReadingFailed: 'failed' },
  failure: {
    event: 'ReadingFailed',
    toError: (event: { readonly reason: string }) => new UpstreamFailed(event.reason),
  },
  tag: 'Reading',
};

const bookRules = z.object({
  input: z
    .object({
      title: text(20, 1),
      subTitle: text(20).nullish(),
      extra: jsonObject(1_000)
        .pipe(z.looseObject({ mark: z.strictObject({ row: z.int() }).optional() }))
        .nullish(),
    })
    .loose(),
});

@ObjectType({ simpleResolvers: true })
class Visit {
  @Field(() => String)
  readonly ticket!: string;

  @Field(() => String, { nullable: true })
  readonly to!: string | null;
}

function makeResolver(library: Library) {
  @Resolver(() => Book)
  class BooksResolver {
    @Operation('anyone')
    @Rest({
      method: 'GET',
      path: '/ticket',
      operationId: 'takeTicket',
      summary: 'Go on with a ticket',
      tag: 'Lending',
      arguments: { ticket: cookie('library_ticket', { default: 'none' }), to: query('to') },
      data: { schema: { type: 'string' }, example: 'none', from: ({ ticket }: Visit) => ticket },
      navigation: {
        location: ({ to }: Visit) => to,
        jsonStays: true,
        cookie: { name: 'library_ticket', value: () => 'fresh', maxAgeSeconds: 60 },
      },
    })
    @Query(() => Visit)
    ticket(
      @Arg('ticket', () => String) ticket: string,
      @Arg('to', () => String, { nullable: true }) to: string | null,
    ): Visit {
      if (ticket === 'torn') throw new Forbidden();
      return { ticket, to: to ?? null };
    }

    @Operation('anyone')
    @Rest({
      method: 'GET',
      path: '/books/{book_id}',
      operationId: 'getBook',
      summary: 'Read a book',
      tag: 'Books',
      arguments: { id: path('book_id') },
      errors: [{ code: 'NOT_FOUND', message: 'Book not found' }],
    })
    @Query(() => Book, { description: 'A book.' })
    book(@Arg('id', () => ID) id: string): BookRow {
      library.calls.push({ id });
      if (id === 'missing') throw new NotFound('Book');
      if (id === 'boom') throw new Error('the password is hunter2');
      return sampleBook(id);
    }

    @Operation('user')
    @Rest({
      method: 'GET',
      path: '/books',
      operationId: 'listBooks',
      summary: 'List the books',
      tag: 'Books',
      arguments: { search: query('q'), lentOnly: query('lent_only'), ...paging },
    })
    @Query(() => BookConnection)
    books(
      @Arg('first', () => Int, { defaultValue: 20 }) first: number,
      @Arg('offset', () => Int, { nullable: true }) offset: number | null,
      @Arg('search', () => String, { nullable: true }) search: string | null,
      @Arg('lentOnly', () => Boolean, { nullable: true }) lentOnly: boolean | null,
    ): Connection<BookRow> {
      library.calls.push({ first, offset, search, lentOnly });
      const request = pageRequest({ first, offset });
      return connectionOf(pageOf(request, [sampleBook()]), () => Promise.resolve(1));
    }

    @Operation('anyone', bookRules)
    @Rest({
      method: 'POST',
      path: '/books',
      operationId: 'createBook',
      summary: 'Add a book',
      tag: 'Books',
      arguments: {
        input: body({ schema: { dependentRequired: { shelf: ['sub_title'] } } }),
        'input.ownerId': constant(OWNER_ID),
      },
      errors: [{ code: 'CONFLICT', message: 'Book already exists', status: 400 }],
    })
    @Mutation(() => Book)
    createBook(@Arg('input', () => BookInput) input: BookInput): BookRow {
      library.calls.push({ input });
      if (input.title === 'twice') throw new Conflict('Book already exists');
      if (input.title === 'bad') {
        throw new Invalid([
          { field: 'input.subTitle', message: 'is dull' },
          { field: 'input.shelf.roomName', message: 'is full' },
        ]);
      }
      return { ...sampleBook(), title: input.title };
    }

    @Operation('user', z.object({ id: text(50), input: z.object({ title: text(20, 1).optional() }).loose() }))
    @Rest(
      {
        method: 'PUT',
        path: '/books/{book_id}',
        operationId: 'replaceBook',
        summary: 'Change a book',
        tag: 'Books',
        arguments: { id: path('book_id'), input: body() },
      },
      {
        method: 'PATCH',
        path: '/books/{book_id}',
        operationId: 'updateBook',
        summary: 'Change a book',
        tag: 'Books',
        arguments: { id: path('book_id'), input: body() },
      },
    )
    @Mutation(() => Book)
    updateBook(@Arg('id', () => ID) id: string, @Arg('input', () => BookChanges) input: BookChanges): BookRow {
      library.calls.push({ id, input: Object.fromEntries(Object.entries(input)) });
      return sampleBook(id);
    }

    @Operation('admin')
    @Rest({
      method: 'DELETE',
      path: '/books',
      operationId: 'deleteBooks',
      summary: 'Delete books',
      tag: 'Books',
      arguments: { ids: query('ids') },
      data: {
        schema: {
          type: 'object',
          required: ['deleted'],
          properties: { deleted: { type: 'integer' } },
          additionalProperties: false,
        },
        example: { deleted: 2 },
        from: (deleted: number) => ({ deleted }),
      },
      errors: [
        { code: 'UNAUTHENTICATED', message: 'Missing admin header', insteadOf: 'Missing credentials' },
        { code: 'FORBIDDEN', message: 'Admin privileges required', insteadOf: 'Forbidden' },
      ],
    })
    @Mutation(() => Int)
    deleteBooks(@Arg('ids', () => [ID]) ids: string[]): number {
      library.calls.push({ ids });
      if (ids.includes('no')) throw new Forbidden();
      return ids.length;
    }

    @Operation('user')
    @Rest({
      method: 'POST',
      path: '/books/{book_id}/lend',
      operationId: 'lendBook',
      summary: 'Lend a book',
      tag: 'Lending',
      arguments: { bookId: path('book_id'), ticket: header('X-Ticket'), note: body() },
      field: 'book',
      errors: [
        { code: 'RATE_LIMITED', message: 'Too many books' },
        { code: 'UPSTREAM_FAILED', message: 'OpenAI request failed' },
        {
          code: 'UPSTREAM_FAILED',
          message: 'The book is lent',
          data: {
            schema: { title: 'Lent', type: 'object', required: ['why'], properties: { why: { type: 'string' } } },
            example: { why: 'lent' },
            from: ({ reason }) => ({ why: reason }),
          },
        },
      ],
    })
    @Mutation(() => Lending)
    lend(
      @Arg('bookId', () => ID) bookId: string,
      @Arg('note', () => String) note: string,
      @Arg('ticket', () => String, { nullable: true }) ticket: string | null,
    ): Lending {
      library.calls.push({ bookId, note, ticket });
      if (note === 'often') throw new RateLimited('Too many books', 7);
      if (note === 'model') throw new UpstreamFailed('timeout');
      if (note === 'lent') throw new UpstreamFailed('to Ada', 'The book is lent');
      if (note === 'closed') throw new Unavailable('The library is closed');
      return { book: sampleBook(bookId), isNew: true };
    }

    @Operation('anyone')
    @Rest({
      method: 'POST',
      path: '/read',
      operationId: 'readBook',
      summary: 'Read a book aloud',
      tag: 'Reading',
      arguments: { input: body() },
      data: { schema: { type: 'string' }, example: 'All of it', from: (whole: string) => whole },
      errors: [{ code: 'BAD_USER_INPUT', message: 'Title required', status: 400, insteadOf: 'Validation error' }],
    })
    @Mutation(() => String)
    readBook(@Arg('input', () => BookChanges) input: BookChanges): string {
      library.calls.push({ input: Object.fromEntries(Object.entries(input)) });
      return 'All of it';
    }

    @RestField({ name: 'owner_id', value: { type: 'ID!', from: (row: BookRow) => row.ownerId } })
    @FieldResolver(() => Reader)
    owner(@Root() book: BookRow): Reader {
      throw new Error(`A plain value must not run the resolver, not for ${book.id}`);
    }

    @RestStream({
      ...reading,
      method: 'POST',
      path: '/read/stream',
      operationId: 'streamBook',
      summary: 'Read a book aloud, page by page',
      arguments: { input: body() },
      beside: { path: '/read', when: 'stream', text: { event: 'PageRead', field: 'text' } },
      errors: [{ code: 'UPSTREAM_FAILED', message: 'OpenAI request failed' }],
    })
    @Extensions({ operation: { access: 'user', rules: undefined } })
    @Subscription(() => ReadingEvent, {
      subscribe: ({ args, context }) => library.read(args as object, (context as RequestContext).signal()),
    })
    pages(@Root() event: ReadingRow, @Arg('input', () => BookChanges) input: BookChanges): ReadingRow {
      library.calls.push({ input });
      return event;
    }

    @RestStream({
      ...reading,
      method: 'GET',
      path: '/books/{book_id}/stream',
      operationId: 'followBook',
      summary: 'Follow a reading',
      arguments: { bookId: path('book_id'), after: query('after', { default: 0, header: 'Last-Event-ID' }) },
    })
    @Subscription(() => ReadingEvent, {
      subscribe: ({ args, context }) => library.read(args as object, (context as RequestContext).signal()),
    })
    follow(
      @Root() event: ReadingRow,
      @Arg('bookId', () => ID) bookId: string,
      @Arg('after', () => Int, { defaultValue: 0 }) after: number,
    ): ReadingRow {
      library.calls.push({ bookId, after });
      return event;
    }
  }
  return BooksResolver;
}

const VIEWER: Viewer = {
  userId: OWNER_ID,
  isAdmin: false,
  plan: 'free',
  sessionId: 's',
  isInternal: false,
  client: { ipAddress: null, userAgent: null },
};

function authenticate({ authorization }: Credentials): Promise<Viewer> {
  if (authorization === null) return Promise.reject(new Unauthenticated('Missing credentials'));
  if (authorization === 'Bearer disabled') return Promise.reject(new Forbidden('Account disabled'));
  return authorization === 'Bearer good'
    ? Promise.resolve(VIEWER)
    : Promise.reject(new Unauthenticated('Invalid token'));
}

export interface RunningRestDoor extends AsyncDisposable {
  readonly door: RestDoor & { readonly document: OpenApiDocument };
  readonly library: Library;
  readonly server: http.Server;
  readonly port: number;
  readonly base: string;
  /** The logged unexpected errors. */
  readonly logged: object[];
}

const REFERENCE: Reference = {
  title: 'Library',
  description: 'Books.',
  tags: { Books: 'Books.', Lending: 'Who has what.', Reading: 'Reading aloud.' },
  parameters: { book_id: "The book's id." },
  schemaNames: { Reader: 'Person' },
  examples: { title: 'Middlemarch' },
  requested: ['title'],
};

/** The door over the library, on a port of its own. */
export async function startRestDoor(
  options: { heartbeatMs?: number; isSecure?: boolean } = {},
): Promise<RunningRestDoor> {
  const library = new Library();
  const resolver = makeResolver(library);
  const logged: object[] = [];
  const mapError = createErrorMap({ error: (fields) => logged.push(fields) });
  const instance = new resolver();
  const schema = buildSchemaSync({
    resolvers: [resolver],
    container: { get: () => instance },
    validate: false,
    pubSub: { publish: () => undefined, subscribe: () => [] as never },
  });
  const { operations, document } = await emitRest(schema, '1.2.3', REFERENCE);
  const door = createRestDoor({
    ...options,
    schema,
    emitted: { operations, loadDocument: () => Promise.resolve(JSON.stringify(document)) },
    title: REFERENCE.title,
    bodyLimit: 100_000,
    uploadLimit: 100_000,
    mapError,
    pipelineFor: (of) => createPipeline(of, { mapError }),
    makeContext: ({ requestId, credentials, peer: client, signal }) => {
      let viewer: Promise<Viewer> | undefined;
      return {
        requestId,
        client,
        signal,
        viewer: () => (viewer ??= authenticate(credentials)),
        enterStream: () => () => undefined,
        whileSignedIn: (_whose, events) => events,
        recordInternalCall: () => Promise.resolve(),
        once: (_key, make) => make(),
      };
    },
  });
  let count = 0;
  const server = http.createServer((request, response) => {
    const requestId = `request-${++count}`;
    response.setHeader('x-request-id', requestId);
    void door.handle(request, response, requestId);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    door: { ...door, document },
    library,
    server,
    port,
    base: `http://127.0.0.1:${port}`,
    logged,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
