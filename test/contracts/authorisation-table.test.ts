import { describe, expect, it } from '@jest/globals';
import { describeSchema } from '../../src/app-schema.js';
import { AUTHORISATION } from '../support/authorisation-table.js';
import { rootFieldsOf } from '../support/generated-call.js';

const fields = rootFieldsOf(describeSchema());

/** test/api/authorisation.test.ts makes the calls of the table. */
describe('the authorisation table', () => {
  it('has a row for every operation of the schema, and none for what there is not', () => {
    expect(Object.keys(AUTHORISATION).sort()).toEqual(fields.map(({ name }) => name).sort());
  });

  it('agrees with what each operation says of who may call it', () => {
    const said = Object.fromEntries(fields.map(({ name, operation }) => [name, operation?.access]));
    const expected = Object.fromEntries(Object.entries(AUTHORISATION).map(([name, { access }]) => [name, access]));
    expect(said).toEqual(expected);
  });
});
