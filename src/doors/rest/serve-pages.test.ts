import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import type { RequestContext } from '../../graphql/context.js';
import type { Admitted, Endpoint, Exchange } from './exchange.js';
import { sendPages } from './serve-pages.js';

const PAGES = { size: 2, first: 'first', after: 'after', key: 'id' };
const PADDING = 'x'.repeat(100_000);

let close: (() => void) | undefined;
afterEach(() => close?.());

/** A door with one list. @param page what the resolver gives for the number of the page, from 0 */
async function doorWith(page: (number: number) => ExecutionResult) {
  const door = { reads: 0, returned: [] as (ExecutionResult | undefined)[], ended: Promise.resolve() };
  const endpoint = {
    operation: { route: { operationId: 'list' } },
    pipeline: { execute: () => Promise.resolve(page(door.reads++)) },
  } as unknown as Endpoint;
  const server = createServer((request, response) => {
    const exchange = { wire: { request }, response } as unknown as Exchange;
    const admitted = { call: { context: {} as RequestContext } } as Admitted;
    door.ended = sendPages(endpoint, PAGES, exchange, admitted).then((result) => {
      door.returned.push(result);
      if (result) response.end('as a whole');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { door, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const items = (...ids: number[]): ExecutionResult => ({ data: { list: ids.map((id) => ({ id, PADDING })) } });
const failure: ExecutionResult = { errors: [{ message: 'The database is gone' } as never] };

describe('a list that is answered with page by page', () => {
  it('leaves to the door what fits into a page, and what fails before the first', async () => {
    for (const result of [items(), items(1), failure]) {
      const { door, url } = await doorWith(() => result);
      expect(await (await fetch(url)).text()).toBe('as a whole');
      expect(door).toMatchObject({ reads: 1, returned: [result] });
      close?.();
    }
  });

  it('is cut off, after what had come, when a later page fails', async () => {
    const { url } = await doorWith((number) => (number === 2 ? failure : items(2 * number, 2 * number + 1)));
    const response = await fetch(url);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow('terminated');
  });

  it('is read no further than its client goes', async () => {
    const { door, url } = await doorWith((number) => items(2 * number, 2 * number + 1));
    const response = await fetch(url);
    await response.body?.getReader().read();
    await response.body?.cancel().catch(() => undefined);
    close?.();
    await door.ended;
    expect(door.reads).toBeLessThan(1000);
  });

  it('is not read on for HEAD', async () => {
    const { door, url } = await doorWith((number) => items(2 * number, 2 * number + 1));
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
    expect(door.reads).toBe(1);
  });
});
