import { describe, expect, it } from '@jest/globals';
import { costAmong, expectAsCheap } from '../../../../test/support/conversation-page.js';
import { testDatabases } from '../../../../test/support/database.js';

describe.each(testDatabases())('a page of conversations on $name', ({ open }) => {
  // test/nightly/conversation-list.test.ts compares with a million.
  it('costs as much among 20,000 messages as among 1,000, with the last message and the counts of each', async () => {
    const small = await costAmong(open, 1_000);
    expect(small).toMatchObject({ statements: 2, rows: 100 });
    expectAsCheap(await costAmong(open, 20_000), small, 0);
  });
});
