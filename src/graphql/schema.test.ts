import { isAbstractType, validateSchema } from 'graphql';
import { describe, expect, it } from '@jest/globals';
import { describeSchema } from '../app-schema.js';

describe('the schema', () => {
  it.each([
    ['Node', { __typename: 'Conversation' }, 'Conversation'],
    ['ReplyEvent', { type: 'delta' }, 'ReplyDelta'],
    ['ConversationEvent', { type: 'deleted' }, 'MessageDeleted'],
    ['ConversationListEvent', { type: 'deleted' }, 'ConversationDeleted'],
    ['ConversationExportPart', { type: 'messages' }, 'ExportedMessages'],
  ])('names the type of a %s at once: a compiled query does not wait for it', (name, value, expected) => {
    const type = describeSchema().getType(name);
    if (!isAbstractType(type)) throw new Error(`${name} is not abstract`);
    expect(type.resolveType?.(value, {}, {} as never, type)).toBe(expected);
  });

  it('has no abstract type that leaves the choice to type-graphql', () => {
    const abstract = Object.values(describeSchema().getTypeMap()).filter(isAbstractType);
    expect(abstract.map(({ name }) => name).sort()).toEqual([
      'ConversationEvent',
      'ConversationExportPart',
      'ConversationListEvent',
      'Node',
      'ReplyEvent',
    ]);
  });

  it('is valid', () => {
    expect(validateSchema(describeSchema())).toEqual([]);
  });

  it('describes every type', () => {
    const types = Object.values(describeSchema().getTypeMap()).filter(({ name }) => !name.startsWith('__'));
    expect(types.filter(({ description }) => !description).map(({ name }) => name)).toEqual([]);
  });
});
