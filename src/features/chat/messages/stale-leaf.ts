import { Conflict } from '../../../kernel/errors.js';

export const STALE_LEAF_MESSAGE = 'The conversation has gone on';

/** The client has not seen the end of the current branch, and might have answered something else. */
export class StaleLeaf extends Conflict {
  /** @param currentLeafId null where nothing is left of the conversation */
  constructor(readonly currentLeafId: string | null) {
    super(STALE_LEAF_MESSAGE);
  }
  override get details() {
    return { currentLeafId: this.currentLeafId };
  }
}
