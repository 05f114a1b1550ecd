import { describe, expect, it } from '@jest/globals';
import { GraphQLObjectType, GraphQLSchema, graphqlSync } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';
import { isoText, writeDatesOnce } from './date-time.js';

const DAY_MS = 86_400_000;

describe('the text of a date', () => {
  it.each([0, 1, -1, 999, DAY_MS - 1, DAY_MS, -DAY_MS - 1, 1_795_684_568_852, -62_135_596_800_001, 8.64e15, -8.64e15])(
    'of %d is that of toISOString',
    (time) => {
      expect(isoText(new Date(time))).toBe(new Date(time).toISOString());
    },
  );

  it('is that of toISOString for days in turn', () => {
    for (let index = 0; index < 5_000; index++) {
      const date = new Date((index % 2 === 0 ? 1.7e12 : 1.1e12) + index * 86_399_873);
      expect(isoText(date)).toBe(date.toISOString());
    }
  });
});

describe('DateTime', () => {
  const schemaOf = (value: unknown) =>
    new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: { at: { type: GraphQLDateTime, resolve: () => value } } }),
    });
  const answerOf = (value: unknown) => {
    const schema = schemaOf(value);
    writeDatesOnce(schema);
    return graphqlSync({ schema, source: '{ at }' });
  };

  it('is a text in the result, whatever the resolver gave', () => {
    const text = '2026-11-25T12:00:00.120Z';
    for (const value of [new Date(text), text, Date.parse(text)]) expect(answerOf(value).data).toEqual({ at: text });
  });

  it('refuses what is no date, as before', () => {
    const { data, errors } = answerOf(new Date(Number.NaN));
    expect(data).toEqual({ at: null });
    expect(errors?.[0]?.message).toBe('DateTime cannot represent an invalid Date instance');
  });
});
