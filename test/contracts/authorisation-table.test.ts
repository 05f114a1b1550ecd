import { describe, expect, it } from '@jest/globals';
import { describeSchema } from '../../src/app-schema.js';
import { TOKEN_SCOPES } from '../../src/kernel/token-scopes.js';
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

  it('agrees with what each operation says of personal access tokens', () => {
    const said = Object.fromEntries(fields.map(({ name, operation }) => [name, operation?.token]));
    const expected = Object.fromEntries(Object.entries(AUTHORISATION).map(([name, { token }]) => [name, token]));
    expect(said).toEqual(expected);
  });

  it('gives tokens nothing that changes an account, and nothing to admins', () => {
    const scoped = fields.filter(({ operation }) => !['any', 'closed'].includes(operation?.token ?? 'closed'));
    expect(scoped.filter(({ operation }) => operation?.access !== 'user')).toEqual([]);
    const groups = Map.groupBy(scoped, ({ operation }) => operation?.token ?? '');
    expect([...groups.keys()].sort()).toEqual([...TOKEN_SCOPES].sort());
    expect(groups.get('account:read')?.map(({ kind }) => kind)).not.toContain('mutation');
    const reads = scoped.filter(({ operation }) => operation?.token.endsWith(':read'));
    expect(reads.filter(({ kind }) => kind === 'mutation')).toEqual([]);
  });
});
