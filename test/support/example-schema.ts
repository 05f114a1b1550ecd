import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import {
  Arg,
  Ctx,
  Field,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  Subscription,
  buildSchemaSync,
} from 'type-graphql';
import { Invalid, NotFound, RateLimited, Unauthenticated } from '../../src/kernel/errors.js';
import type { RequestContext } from '../../src/graphql/context.js';
import { UploadScalar, type FileUpload } from '../../src/graphql/upload-scalar.js';

/** A small schema with every kind of operation and result that a door handles. */

@ObjectType({ simpleResolvers: true })
class Leaf {
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String)
  readonly name!: string;
}

@ObjectType({ simpleResolvers: true })
class Page {
  @Field(() => [Leaf])
  readonly nodes!: readonly Leaf[];
}

@InputType()
class DetailInput {
  @Field(() => String)
  readonly text!: string;
}

@InputType()
class ThingInput {
  @Field(() => String)
  readonly email!: string;

  @Field(() => Int, { nullable: true })
  readonly age?: number | null;

  @Field(() => DetailInput, { nullable: true })
  readonly detail?: DetailInput | null;
}

/** Records the calls of the fixture's resolvers. */
export class Journal {
  readonly calls: string[] = [];
  /** Resolves when a source's `return()` was called. */
  sourceEnded = Promise.withResolvers<undefined>();
  /** The event that the subscription `tail` waits for. */
  release = Promise.withResolvers<'next' | 'fail'>();

  note(call: string): void {
    this.calls.push(call);
  }
}

const leaf = (id: string): Leaf => ({ id, name: `leaf ${id}` });

@Resolver(() => Leaf)
class ExampleResolver {
  @Query(() => String)
  hello(@Arg('name', () => String, { defaultValue: 'world' }) name: string): string {
    return `Hello, ${name}`;
  }

  @Query(() => Leaf)
  leaf(@Arg('id', () => ID) id: string): Leaf {
    return leaf(id);
  }

  @Query(() => Page)
  leaves(
    @Arg('first', () => Int, { nullable: true }) first: number | null | undefined,
    @Arg('last', () => Int, { nullable: true }) last: number | null | undefined,
  ): Page {
    return { nodes: Array.from({ length: first ?? last ?? 2 }, (_, index) => leaf(String(index))) };
  }

  @Query(() => String)
  secret(@Ctx() context: RequestContext): Promise<string> {
    return context.viewer().then(({ userId }) => `for ${userId}`);
  }

  @Query(() => String)
  explode(): string {
    throw new Error('password=hunter2 at db.internal:5432');
  }

  @Query(() => String, { nullable: true })
  maybe(): string {
    throw new NotFound('Thing');
  }

  @Query(() => String)
  missing(): string {
    throw new NotFound('Thing');
  }

  @Query(() => String)
  limited(): string {
    throw new RateLimited('Too many requests', 7);
  }

  @Query(() => String)
  invalid(): string {
    throw new Invalid([{ field: 'input.email', message: 'is no address' }]);
  }

  @Query(() => String)
  async waiting(@Ctx() context: RequestContext & { journal: Journal }): Promise<string> {
    context.journal.note('waiting');
    return context.journal.release.promise;
  }

  @Query(() => Int)
  brokenInt(): number {
    return 'not a number' as unknown as number;
  }

  @Query(() => [String])
  describe(@Arg('input', () => ThingInput) input: ThingInput): string[] {
    return [JSON.stringify(input)];
  }

  @Mutation(() => String)
  store(
    @Arg('input', () => ThingInput) input: ThingInput,
    @Ctx() context: RequestContext & { journal: Journal },
  ): string {
    context.journal.note(`store ${input.email}`);
    return input.email;
  }

  @Mutation(() => String)
  login(
    @Arg('password', () => String) password: string,
    @Ctx() context: RequestContext & { journal: Journal },
  ): string {
    context.journal.note(`login ${password}`);
    return 'token';
  }

  @Subscription(() => Int, { subscribe: ({ args }) => count((args as { to: number }).to) })
  count(@Root() value: number, @Arg('to', () => Int) _to: number): number {
    return value;
  }

  /** Never ends by itself: yields one event, then waits for the journal. */
  @Subscription(() => Int, { subscribe: ({ context }) => tail((context as { journal: Journal }).journal) })
  tail(@Root() value: number): number {
    return value;
  }

  @Subscription(() => Int, { subscribe: () => refuse() })
  refused(@Root() value: number): number {
    return value;
  }
}

async function* count(to: number): AsyncGenerator<number> {
  for (let value = 1; value <= to; value += 1) yield await Promise.resolve(value);
}

function tail(journal: Journal): AsyncIterableIterator<number> {
  let isFirst = true;
  return {
    async next() {
      if (isFirst) {
        isFirst = false;
        return { done: false, value: 1 };
      }
      if ((await journal.release.promise) === 'fail') throw new Unauthenticated('Invalid token');
      journal.release = Promise.withResolvers();
      return { done: false, value: 2 };
    },
    return() {
      journal.sourceEnded.resolve(undefined);
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function refuse(): never {
  throw new NotFound('Message');
}

/** type-graphql requires one even though every subscription has its own source. */
const noTopics = {
  publish: () => undefined,
  subscribe: () => {
    throw new Error('The example has no topics');
  },
};

export function exampleSchema(): GraphQLSchema {
  return buildSchemaSync({ resolvers: [ExampleResolver], validate: false, pubSub: noTopics });
}

@Resolver()
class UploadResolver {
  @Query(() => String)
  hello(): string {
    return 'Hello';
  }

  @Mutation(() => String)
  async upload(@Arg('file', () => UploadScalar) file: FileUpload): Promise<string> {
    const chunks = await Array.fromAsync(file.read());
    return `${file.filename}: ${Buffer.concat(chunks).toString()}`;
  }
}

export function uploadSchema(): GraphQLSchema {
  return buildSchemaSync({ resolvers: [UploadResolver], validate: false });
}
