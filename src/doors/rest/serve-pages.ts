import type { ExecutionResult } from 'graphql';
import type { RestPages } from '../../rest/route.js';
import { envelopeText } from '../envelope.js';
import { preferenceOf } from '../headers/prefer.js';
import { countHeaders } from './answer-headers.js';
import type { Admitted, Endpoint, Exchange } from './exchange.js';
import { breakOff, writeTo } from '../write.js';
import { givePart } from './view-types.js';

type Item = Readonly<Record<string, unknown>>;

/** The envelope of a list, around its items. */
const [BEFORE, AFTER] = [envelopeText({ status: 200, message: 'Success', data: [] }).slice(0, -2), ']}'];

/**
 * Answers with a list in the envelope, page by page as the client reads, so that its length costs no memory.
 * @returns what to answer with in its place: a list of no more than a page, or an error
 */
export async function sendPages(
  endpoint: Endpoint,
  pages: RestPages,
  exchange: Exchange,
  admitted: Admitted,
): Promise<ExecutionResult | undefined> {
  const { response, wire } = exchange;
  const read = (after: unknown) => readPage(endpoint, pages, admitted, after);
  let page = await read(null);
  if (page.items === undefined || page.items.length < pages.size) return page.result;
  // It is counted before it is sent: its length is in a header.
  const total = preferenceOf(wire.request, 'count') === 'exact' ? await countOf(read) : undefined;
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    ...(total !== undefined && countHeaders(total)),
  });
  let before = BEFORE;
  while (wire.request.method !== 'HEAD' && !response.destroyed) {
    if (page.items === undefined) {
      breakOff(response);
      return undefined;
    }
    if (page.items.length > 0) await writeTo(response, before + page.items.map((item) => JSON.stringify(item)).join());
    before = ',';
    if (page.items.length < pages.size) break;
    page = await read(page.last);
  }
  response.end(AFTER);
  return undefined;
}

interface ReadPage {
  readonly result: ExecutionResult;
  /** Undefined when it could not be read. */
  readonly items: readonly Item[] | undefined;
  /** What the next page comes after. */
  readonly last: unknown;
}

async function readPage(
  { operation, pipeline, prepared }: Endpoint,
  { size, first, after: argument, key }: RestPages,
  { call }: Admitted,
  after: unknown,
): Promise<ReadPage> {
  givePart(call.context, { [first]: size, [argument]: after });
  const result = await pipeline.execute(prepared, call);
  const items = result.errors ? undefined : (result.data?.[operation.route.operationId] as readonly Item[]);
  return { result, items, last: items?.at(-1)?.[key] };
}

/** @returns undefined when it could not be counted */
async function countOf(read: (after: unknown) => Promise<ReadPage>): Promise<number | undefined> {
  let total = 0;
  for (let after: unknown = null; after !== undefined;) {
    const { items, last } = await read(after);
    if (items === undefined) return undefined;
    total += items.length;
    after = last;
  }
  return total;
}
