import { describe, expect, it } from '@jest/globals';
import { statementNames } from './prisma-client.js';

describe('the names of prepared statements', () => {
  it('are given from the second time that a text is seen, and stay the same', () => {
    const nameOf = statementNames();
    expect(nameOf({ sql: 'SELECT 1' })).toBe('');
    const name = nameOf({ sql: 'SELECT 1' });
    expect(name).toMatch(/^prisma_[0-9a-f]{24}$/);
    expect(nameOf({ sql: 'SELECT 1' })).toBe(name);
  });

  it('are the same in every process, and differ between texts', () => {
    const [one, other] = [statementNames(), statementNames()].map((nameOf) => {
      nameOf({ sql: 'SELECT 1' });
      return nameOf({ sql: 'SELECT 1' });
    });
    expect(one).toBe(other);
    const nameOf = statementNames();
    nameOf({ sql: 'SELECT 2' });
    expect(nameOf({ sql: 'SELECT 2' })).not.toBe(one);
  });

  it('are no more than the limit, however many texts there are', () => {
    const nameOf = statementNames(10);
    const names = new Set<string>();
    for (let number = 0; number < 1_000; number++) {
      const query = { sql: `SELECT ${String(number)}` };
      nameOf(query);
      names.add(nameOf(query));
    }
    names.delete('');
    expect(names.size).toBe(10);
  });
});
