/** What an operation can be answered as. */
export type ResponseType = 'application/graphql-response+json' | 'application/json' | 'text/event-stream';

export interface Negotiated {
  readonly type: ResponseType;
  /**
   * Whether the client named `application/json`: the GraphQL-over-HTTP specification then wants 200 for every well-formed
   * request, errors included. Clients that named nothing get the true status.
   */
  readonly isLegacy: boolean;
}

interface Range {
  readonly type: string;
  readonly quality: number;
}

/** The media ranges of an `Accept` header, the most wanted first; those of quality 0 are left out. */
function rangesOf(accept: string): readonly Range[] {
  return accept
    .split(',')
    .map((entry): Range => {
      const [type = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      return { type, quality: quality === undefined ? 1 : Number(quality) || 0 };
    })
    .filter(({ quality }) => quality > 0)
    .sort((left, right) => right.quality - left.quality);
}

const matches = (range: string, type: ResponseType) =>
  range === type || range === '*/*' || range === `${type.split('/', 1)[0] ?? ''}/*`;

/**
 * The media type that the client likes best, of those that the kind of operation can have; undefined when it takes none.
 * Subscriptions are only streamed; queries and mutations can be, as a stream of one result.
 */
export function negotiate(accept: string | undefined, isSubscription: boolean): Negotiated | undefined {
  const offers: readonly ResponseType[] = isSubscription
    ? ['text/event-stream']
    : ['application/json', 'application/graphql-response+json', 'text/event-stream'];
  for (const range of rangesOf(accept ?? '*/*')) {
    const type = offers.find((offer) => matches(range.type, offer));
    if (type !== undefined) return { type, isLegacy: range.type === 'application/json' };
  }
  return undefined;
}
