import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { testDatabases } from '../support/database.js';
import { GROWING_READS } from '../support/growing-reads.js';
import { expectNoGrowth, worldOf, type World } from '../support/growth.js';

// test/nightly/growth.test.ts compares with a million.
const MANY = { embedded: 20_000, postgres: 200_000 };

describe.each(testDatabases())('on $name, by plans that are made for any values', ({ name, open }) => {
  const worlds: World[] = [];

  beforeAll(async () => {
    worlds.push(await worldOf(await open(), 1_000), await worldOf(await open(), MANY[name]));
  });
  afterAll(() => Promise.all(worlds.map(({ database }) => database.drop())));

  it.each(GROWING_READS)('$of, $name, costs what it costs among 1,000 messages', async (read) => {
    await expectNoGrowth(read, worlds);
  });
});
