import { ArgsType, Field, Int } from 'type-graphql';
import { figure } from '../kernel/figures.js';
import { DEFAULT_PAGE_SIZE, MAX_OFFSET, MAX_PAGE_SIZE, type PageArguments } from '../kernel/page.js';

const FIRST_DESCRIPTION = `How many at most, from 1 to ${MAX_PAGE_SIZE}.`;
export const OFFSET_DESCRIPTION = `How many to pass over, as a list without cursors does; at most ${figure(MAX_OFFSET)}.`;
const AFTER_DESCRIPTION = 'The cursor after which the page begins.';

/** Arguments of a list that is read from its beginning. */
@ArgsType()
export class ForwardPage implements PageArguments {
  @Field(() => Int, { nullable: true, defaultValue: DEFAULT_PAGE_SIZE, description: FIRST_DESCRIPTION })
  readonly first!: number | null;

  @Field(() => String, { nullable: true, description: AFTER_DESCRIPTION })
  readonly after!: string | null;
}

/** Also has `offset`, for lists that REST pages with `skip`. */
@ArgsType()
export class OffsetPage extends ForwardPage {
  @Field(() => Int, { nullable: true, description: OFFSET_DESCRIPTION })
  readonly offset!: number | null;
}
