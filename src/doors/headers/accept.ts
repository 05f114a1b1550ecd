import type { IncomingMessage } from 'node:http';
import { parse } from 'content-type';
import Negotiator from 'negotiator';

type WithHeaders = Pick<IncomingMessage, 'headers'>;

/**
 * The media type that the client prefers, of those that are offered; undefined when it accepts none of them. Among equal
 * weights, a type that the client names comes before one that a wildcard covers, then the client's order counts, then ours.
 */
export function preferredType<Offer extends string>(request: WithHeaders, offers: readonly Offer[]): Offer | undefined {
  const preferred = mediaTypesOf(request).mediaType(offers);
  return offers.find((offer) => offer === preferred);
}

/** Whether the client accepts the media type by its own name, and not by a wildcard. */
export function acceptsByName(request: WithHeaders, type: string): boolean {
  return mediaTypesOf(request)
    .mediaTypes()
    .some((named) => named.toLowerCase() === type);
}

/** Whether to compress: false where the client would rather have the bytes as they are, or accepts neither. */
export function prefersGzip(request: WithHeaders): boolean {
  return new Negotiator(request).encoding(['gzip', 'identity']) === 'gzip';
}

function mediaTypesOf({ headers }: WithHeaders): Negotiator {
  const { accept } = headers;
  return new Negotiator({ headers: { accept: accept === undefined ? accept : withoutParameters(accept) } });
}

/** Every media range with its weight alone: a `charset` or `profile` must not keep a client from its answer. */
function withoutParameters(accept: string): string {
  if (!accept.includes(';')) return accept;
  const ranges: string[] = [];
  for (let start = 0; start < accept.length;) {
    const { type, parameters, index } = parse(accept, { comma: true, start });
    ranges.push(parameters['q'] === undefined ? type : `${type};q=${parameters['q']}`);
    start = index + 1;
  }
  return ranges.join(',');
}
