import { expect, it } from '@jest/globals';
import { testDatabases } from '../support/database.js';
import { GROWING_READS } from '../support/growing-reads.js';
import { expectNoGrowth, worldOf, type GrowingRead } from '../support/growth.js';

const [server] = testDatabases().filter(({ name }) => name === 'postgres');
const onServer = server === undefined ? it.skip : it;

onServer('a read costs among 1,000,000 messages what it costs among 1,000', async () => {
  if (server === undefined) return;
  const worlds = [await worldOf(await server.open(), 1_000), await worldOf(await server.open(), 1_000_000)];
  const costs = await inTurn((read) => expectNoGrowth(read, worlds));
  process.stdout.write(`${costs.map((cost) => JSON.stringify(cost)).join('\n')}\n`);
  await Promise.all(worlds.map(({ database }) => database.drop()));
});

/** All reads, so that what failed is told together. */
async function inTurn<Cost>(compare: (read: GrowingRead) => Promise<Cost>): Promise<Cost[]> {
  const costs: Cost[] = [];
  const failures: unknown[] = [];
  for (const read of GROWING_READS) {
    try {
      costs.push(await compare(read));
    } catch (error) {
      failures.push(error);
    }
  }
  expect(failures).toEqual([]);
  return costs;
}
