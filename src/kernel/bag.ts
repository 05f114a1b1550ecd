/** Where a bag has an item. */
export interface Place<Item> {
  readonly item: Item;
  /** -1 once it was removed. */
  index: number;
}

/**
 * Things that come and go with each request, in no order. A `Set` or a `Map` of them would keep each from the collection of young
 * objects: V8 makes such a table anew every few changes, and leads from the old table to the new one. Once one of them has become old,
 * which most do that live while a request waits for the database, all later ones live until the whole heap is collected, with
 * what they hold.
 */
export class Bag<Item> {
  readonly #places: Place<Item>[] = [];

  get size(): number {
    return this.#places.length;
  }

  add(item: Item): Place<Item> {
    const place = { item, index: this.#places.length };
    this.#places.push(place);
    return place;
  }

  /** Once or more. */
  remove(place: Place<Item>): void {
    const { index } = place;
    if (index < 0) return;
    place.index = -1;
    const last = this.#places.pop();
    if (last === undefined || last === place) return;
    last.index = index;
    this.#places[index] = last;
  }

  removeAll(isOver: (item: Item) => boolean): void {
    for (let at = this.#places.length - 1; at >= 0; at--) {
      const place = this.#places[at];
      if (place !== undefined && isOver(place.item)) this.remove(place);
    }
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (const { item } of this.#places) yield item;
  }
}
