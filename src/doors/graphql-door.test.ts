import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';

let doors: ExampleDoors;
beforeAll(async () => {
  doors = await startDoors();
});
afterAll(() => doors.close());

describe('the audits of GraphQL over HTTP', () => {
  it('are all passed over a listening socket', async () => {
    const audits = serverAudits({ url: doors.url, fetchFn: fetch });
    const results = await Promise.all(audits.map(({ fn }) => fn()));
    expect(results.filter(({ status }) => status !== 'ok').map((result) => `${result.id} ${result.name}`)).toEqual([]);
    expect(results).toHaveLength(61);
  });
});
