import type { RequestContext } from '../../graphql/context.js';
import { WrittenList } from '../../graphql/written-lists.js';
import { MAX_OFFSET, type Connection } from '../../kernel/page.js';
import type { RestRoute } from '../../rest/route.js';
import { preferenceOf } from '../headers/prefer.js';
import { encodedPathOf } from '../request-target.js';
import type { WireRequest } from './read-input.js';
import { resultIn } from './view-types.js';

type Headers = Record<string, string>;

/** The `ETag` of an answer, where its route has versions. */
export function entityTag({ version }: RestRoute, context: RequestContext): string | undefined {
  const read = version as ((result: unknown) => string) | undefined;
  return read && `"${read(resultIn(context))}"`;
}

/**
 * `Link` of a page (RFC 8288), and `X-Total-Count` for a client that prefers to have a list counted (`Prefer: count=exact`).
 * @param serviceUrl the address of the service as clients know it, without a slash at its end
 */
export async function listHeaders(
  data: unknown,
  context: RequestContext,
  variables: Readonly<Record<string, unknown>>,
  wire: WireRequest,
  serviceUrl: string,
): Promise<Headers> {
  if (!Array.isArray(data) && !(data instanceof WrittenList)) return {};
  const connection = resultIn(context) as Pick<Connection<unknown>, 'pageInfo' | 'countAll'> | undefined;
  const links = connection === undefined ? {} : linkHeader(connection.pageInfo, variables, wire, serviceUrl);
  if (preferenceOf(wire.request, 'count') !== 'exact') return links;
  const total = connection === undefined ? data.length : await connection.countAll();
  return { ...links, ...countHeaders(total) };
}

/** For a client that prefers to have a list counted. */
export function countHeaders(total: number): Headers {
  return { 'x-total-count': String(total), 'preference-applied': 'count=exact' };
}

function linkHeader(
  { hasNextPage }: Connection<unknown>['pageInfo'],
  { skip, limit }: Readonly<Record<string, unknown>>,
  { request, query }: WireRequest,
  serviceUrl: string,
): Headers {
  if (typeof skip !== 'number' || typeof limit !== 'number') return {};
  const linkTo = (offset: number, relation: string) => {
    const parameters = new URLSearchParams(query);
    parameters.set('skip', String(offset));
    parameters.set('limit', String(limit));
    return `<${serviceUrl}${encodedPathOf(request.url)}?${parameters.toString()}>; rel="${relation}"`;
  };
  const links = [
    ...(skip > 0 ? [linkTo(Math.max(0, skip - limit), 'prev')] : []),
    ...(hasNextPage && skip + limit <= MAX_OFFSET ? [linkTo(skip + limit, 'next')] : []),
  ];
  return links.length > 0 ? { link: links.join(', ') } : {};
}
