import { ArgsType, Field, Int } from 'type-graphql';
import { MAX_OFFSET, MAX_PAGE_SIZE, type PageArguments } from '../kernel/page.js';

const FIRST_DESCRIPTION = `How many at most, from 1 to ${MAX_PAGE_SIZE}.`;
const AFTER_DESCRIPTION = 'The cursor after which the page begins.';

/** The arguments of a list that is read from its beginning. */
@ArgsType()
export class ForwardPage implements PageArguments {
  @Field(() => Int, { nullable: true, defaultValue: 20, description: FIRST_DESCRIPTION })
  readonly first!: number | null;

  @Field(() => String, { nullable: true, description: AFTER_DESCRIPTION })
  readonly after!: string | null;
}

/** The same with `offset`, as lists have it that REST pages by `skip`. */
@ArgsType()
export class OffsetPage extends ForwardPage {
  @Field(() => Int, {
    nullable: true,
    description: `How many to pass over, as a list without cursors does; at most ${MAX_OFFSET.toLocaleString('en')}.`,
  })
  readonly offset!: number | null;
}
