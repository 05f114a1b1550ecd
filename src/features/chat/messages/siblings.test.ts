import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { NotFound, Unavailable } from '../../../kernel/errors.js';
import { MessageSiblingsResolver } from './branches.resolver.js';
import { BranchesService } from './branches.service.js';
import type { MessageRow } from './message.js';

/** A context with the one method of a request's that loaders call. */
function request() {
  const made = new Map<object, unknown>();
  return {
    once: <Value>(key: object, make: () => Value): Value => {
      if (!made.has(key)) made.set(key, make());
      return made.get(key) as Value;
    },
  };
}

const rowOf = (id: string) => ({ id }) as MessageRow;

describe('the versions of a message', () => {
  it('are none where it was deleted after its list was read', async () => {
    const there = { ids: ['b', 'c'], index: 1, totalCount: 2 };
    const repository = { siblings: () => Promise.resolve(new Map([['c', there]])) };
    const service = new BranchesService({ repository } as unknown as ConstructorParameters<typeof BranchesService>[0]);
    expect(await service.siblings(['a', 'c'])).toEqual([{ ids: [], index: 0, totalCount: 0 }, there]);
  });

  it('leave out those that were deleted after they were counted, and hide no other failure', async () => {
    const load = (answer: Error) => ({
      load: (ids: readonly string[]) => Promise.resolve(ids.map((id) => (id === 'b' ? answer : rowOf(id)))),
    });
    const siblings = { ids: ['a', 'b', 'c'], index: 0, totalCount: 3 };
    const nodes = (answer: Error) => new MessageSiblingsResolver(load(answer)).nodes(siblings, request());
    expect(await nodes(new NotFound('Message'))).toEqual([rowOf('a'), rowOf('c')]);
    await expect(nodes(new Unavailable('away'))).rejects.toThrow('away');
  });
});
