import { describe, expect, it } from '@jest/globals';
import { getNamedType, isInputObjectType } from 'graphql';
import { describeSchema } from '../../src/app-schema.js';
import { idempotencyOf, type Idempotency } from '../../src/graphql/idempotency.js';
import type { OperationExtension } from '../../src/graphql/operation.js';
import { IDEMPOTENCY } from '../support/idempotency-table.js';

const schema = describeSchema();

function wordsOf(how: Idempotency, { access }: OperationExtension) {
  if (how.by === 'key') return how.goesOn ? 'key, and goes on' : 'key';
  return access === 'anyone' ? 'anyone' : 'itself';
}

const fields = [
  ...Object.values(schema.getMutationType()?.getFields() ?? {}).map((field) => ({
    name: field.name,
    field,
    how: idempotencyOf(field, true),
  })),
  ...Object.values(schema.getSubscriptionType()?.getFields() ?? {}).map((field) => ({
    name: `subscription ${field.name}`,
    field,
    how: idempotencyOf(field, false),
  })),
];

/** test/api/idempotency.test.ts calls them. */
describe('the table of what may be repeated', () => {
  it('has a row for every mutation, and for every subscription that acts, and says what the schema says', () => {
    const said = fields.flatMap(({ name, field, how }) =>
      how === undefined ? [] : [[name, wordsOf(how, field.extensions['operation'] as OperationExtension)] as const],
    );
    expect(Object.fromEntries(said)).toEqual(IDEMPOTENCY);
  });

  it('gives a reason for each that needs no key', () => {
    const bare = fields.filter(({ how }) => how?.by === 'itself' && !/\w+ \w+ \w+/.test(how.because));
    expect(bare.map(({ name }) => name)).toEqual([]);
  });

  it('leaves out of a comparison only arguments that there are', () => {
    for (const { name, field, how } of fields) {
      for (const path of how?.by === 'key' ? how.answerOnly : []) {
        const [argument = '', inner] = path.split('.');
        const type = getNamedType(field.args.find((candidate) => candidate.name === argument)?.type);
        const isKnown = inner === undefined ? type !== undefined : isInputObjectType(type) && inner in type.getFields();
        expect([name, path, isKnown]).toEqual([name, path, true]);
      }
    }
  });
});
