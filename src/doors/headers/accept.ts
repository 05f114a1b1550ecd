import type { IncomingMessage } from 'node:http';
import { parse } from 'content-type';
import Negotiator from 'negotiator';

type WithHeaders = Pick<IncomingMessage, 'headers'>;

/**
 * The offered media type that the client prefers; undefined when it accepts none of them. Among types of equal weight, one that
 * the client names wins over one that a wildcard covers, then the client's order counts, then the order of `offers`.
 */
export function preferredType<Offer extends string>(request: WithHeaders, offers: readonly Offer[]): Offer | undefined {
  const preferred = mediaTypesOf(request).mediaType(offers);
  return offers.find((offer) => offer === preferred);
}

/** Whether the client accepts the media type by its name rather than by a wildcard. */
export function acceptsByName(request: WithHeaders, type: string): boolean {
  return mediaTypesOf(request)
    .mediaTypes()
    .some((named) => named.toLowerCase() === type);
}

/** Whether to compress: false when the client prefers the uncompressed bytes, or accepts neither form. */
export function prefersGzip(request: WithHeaders): boolean {
  return new Negotiator(request).encoding(['gzip', 'identity']) === 'gzip';
}

function mediaTypesOf({ headers }: WithHeaders): Negotiator {
  const { accept } = headers;
  return new Negotiator({ headers: { accept: accept === undefined ? accept : withoutParameters(accept) } });
}

/** Every media range with its weight only: a parameter such as `charset` or `profile` must not make a range match nothing. */
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
