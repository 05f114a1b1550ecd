import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AccountsFixture } from '../../../../test/support/accounts.js';
import { testDatabases } from '../../../../test/support/database.js';
import { systemClock } from '../../../kernel/clock.js';
import { defaultPlans, PlanCatalogue } from '../plans/plan.js';
import { usageFeature } from './usage.feature.js';
import type { DateRange } from './usage.js';

describe.each(testDatabases())('usage ($name)', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  beforeAll(async () => {
    database = await kind.open();
  });
  afterAll(() => database.drop());

  it('has a day for what was used, and none in years that the database cannot write', async () => {
    const { id } = await new AccountsFixture(database).create();
    const { service } = usageFeature({ database, plans: new PlanCatalogue(defaultPlans), clock: systemClock });
    await database.transaction((sql) => service.recordUpload(sql, id));
    const daysIn = async (range: DateRange) => (await service.daily([id], range)).flat();
    await expect(daysIn({})).resolves.toMatchObject([{ fileUploads: 1 }]);
    await expect(daysIn({ since: new Date('0000-01-01'), until: new Date('0000-12-31') })).resolves.toEqual([]);
    await expect(daysIn({ until: new Date('0000-06-01') })).resolves.toEqual([]);
    await expect(daysIn({ since: new Date('9999-12-30'), until: new Date('9999-12-31') })).resolves.toEqual([]);
  });
});
