import { expect, it } from '@jest/globals';
import { costAmong, expectAsCheap } from '../support/conversation-page.js';
import { testDatabases } from '../support/database.js';

const [server] = testDatabases().filter(({ name }) => name === 'postgres');
const onServer = server === undefined ? it.skip : it;

onServer('a page of conversations costs among 1,000,000 messages what it costs among 1,000', async () => {
  if (server === undefined) return;
  const small = await costAmong(server.open, 1_000);
  const large = await costAmong(server.open, 1_000_000);
  process.stdout.write(`${JSON.stringify({ small, large })}\n`);
  expect(small).toMatchObject({ statements: 2, rows: 100 });
  expectAsCheap(large, small, 1);
});
