import { describe, expect, it } from '@jest/globals';
import { Bag } from './bag.js';

describe('a bag', () => {
  it('has what was added and not removed, whichever goes first', () => {
    const bag = new Bag<string>();
    const [one, two, three, four] = ['one', 'two', 'three', 'four'].map((item) => bag.add(item));
    if (!one || !two || !three || !four) throw new Error('It gave no place');
    bag.remove(two);
    expect([...bag].sort()).toEqual(['four', 'one', 'three']);
    bag.remove(four);
    bag.remove(one);
    expect([...bag]).toEqual(['three']);
    bag.add('five');
    expect([...bag].sort()).toEqual(['five', 'three']);
    bag.remove(three);
    expect(bag.size).toBe(1);
  });

  it('leaves others alone when one is removed twice', () => {
    const bag = new Bag<number>();
    const first = bag.add(1);
    bag.add(2);
    bag.remove(first);
    bag.remove(first);
    expect([...bag]).toEqual([2]);
  });

  it('removes all that are over', () => {
    const bag = new Bag<number>();
    for (let item = 0; item < 10; item++) bag.add(item);
    bag.removeAll((item) => item % 3 !== 0);
    expect([...bag].sort()).toEqual([0, 3, 6, 9]);
  });
});
