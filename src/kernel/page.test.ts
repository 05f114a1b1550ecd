import { describe, expect, it } from '@jest/globals';
import { Invalid } from './errors.js';
import { boundedPageOf, connectionOf, MAX_PAGE_BYTES, pageOf, pageRequest } from './page.js';

const row = (number: number, bytes: number) => ({
  id: `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`,
  content: { text: 'x'.repeat(bytes) },
});
const rows = (count: number, bytes: number) => Array.from({ length: count }, (_, index) => row(index, bytes));
const LARGE = MAX_PAGE_BYTES / 8;

describe('a page of large rows', () => {
  it('ends early, and its cursors lead on', () => {
    const page = pageOf(pageRequest({ first: 20 }), rows(21, LARGE));
    expect([page.rows.length, page.hasNextPage]).toEqual([7, true]);
    const { pageInfo } = connectionOf(page, () => Promise.resolve(30));
    expect(pageRequest({ first: 20, after: pageInfo.endCursor })).toMatchObject({ after: row(6, 0).id });
  });

  it('ends early backwards, too', () => {
    const page = pageOf(pageRequest({ last: 20 }), rows(10, LARGE).reverse());
    expect(page.rows.map(({ id }) => id)).toEqual(
      rows(10, 0)
        .slice(3)
        .map(({ id }) => id),
    );
    expect(page.hasPreviousPage).toBe(true);
  });

  it('has one row at least, and says whether there are others', () => {
    const huge = rows(2, 2 * MAX_PAGE_BYTES);
    expect(pageOf(pageRequest({ first: 20 }), huge)).toMatchObject({ rows: [huge[0]], hasNextPage: true });
    expect(pageOf(pageRequest({ first: 20 }), huge.slice(1))).toMatchObject({ rows: [huge[1]], hasNextPage: false });
  });

  it('is refused to a client that counts, which would miss rows', () => {
    expect(() => pageOf(pageRequest({ first: 20, offset: 0 }), rows(21, LARGE))).toThrow(
      new Invalid([{ field: 'first', message: 'must be 7 at most here: the rows are large' }]),
    );
    expect(pageOf(pageRequest({ first: 7, offset: 0 }), rows(8, LARGE)).rows).toHaveLength(7);
    expect(pageOf(pageRequest({ first: 20, offset: 3 }), rows(7, LARGE)).rows).toHaveLength(7);
  });

  it('of small ones is as large as was asked for', () => {
    expect(pageOf(pageRequest({ first: 100, offset: 0 }), rows(101, 10_000)).rows).toHaveLength(100);
  });
});

describe('a page of rows whose bytes were counted', () => {
  it('is not measured where all of them fit in any case', () => {
    const measured: string[] = [];
    const watched = rows(3, 10).map((each) => new Proxy(each, { ownKeys: () => (measured.push(each.id), []) }));
    expect(pageOf(pageRequest({ first: 2 }), watched, 300).rows).toHaveLength(2);
    expect(measured).toEqual([]);
    pageOf(pageRequest({ first: 2 }), watched, MAX_PAGE_BYTES);
    expect(measured).toHaveLength(3);
  });

  it('ends early all the same where they do not fit', () => {
    const large = rows(20, LARGE);
    expect(pageOf(pageRequest({ first: 20 }), large, 20 * LARGE)).toEqual(pageOf(pageRequest({ first: 20 }), large));
  });
});

describe('a page of a read that looks at so many rows', () => {
  const end = row(99, 0).id;

  it('ends where the read did, with less than was asked for', () => {
    for (const found of [rows(3, 1), []]) {
      const page = boundedPageOf(pageRequest({ first: 20 }), found, end, 'query');
      expect(page).toMatchObject({ rows: found, hasNextPage: true });
      const { pageInfo } = connectionOf(page, () => Promise.resolve(0));
      expect(pageRequest({ after: pageInfo.endCursor })).toMatchObject({ after: end });
    }
  });

  it('ends at its last row where that is the end, or there are more rows than were asked for', () => {
    expect(boundedPageOf(pageRequest({ first: 20 }), rows(3, 1), null, 'query')).toEqual(
      pageOf(pageRequest({ first: 20 }), rows(3, 1)),
    );
    const large = boundedPageOf(pageRequest({ first: 20 }), rows(20, LARGE), end, 'query');
    expect(large.end).toBeUndefined();
  });

  it('is refused to a client that counts', () => {
    expect(() => boundedPageOf(pageRequest({ offset: 0 }), rows(3, 1), end, 'query')).toThrow(Invalid);
  });
});
