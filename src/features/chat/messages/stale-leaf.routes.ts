import type { RestError } from '../../../rest/answers.js';
import { STALE_LEAF_MESSAGE } from './stale-leaf.js';

/** `StaleLeaf` over REST. */
export const STALE_LEAF: RestError = {
  code: 'CONFLICT',
  message: STALE_LEAF_MESSAGE,
  data: {
    schema: {
      title: 'StaleLeaf',
      type: 'object',
      additionalProperties: false,
      required: ['current_leaf_id'],
      properties: {
        current_leaf_id: {
          type: ['string', 'null'],
          format: 'uuid',
          description: "The last message of the conversation's current branch.",
        },
      },
    },
    example: { current_leaf_id: '01a21642-3f40-7000-8e24-d623792b6362' },
    from: ({ currentLeafId }) => ({ current_leaf_id: currentLeafId }),
  },
};
