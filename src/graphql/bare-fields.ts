import { Kind, type GraphQLResolveInfo } from 'graphql';

/** Fields that say nothing of an object but which one it is. */
export const BARE_FIELDS: ReadonlySet<string> = new Set(['id', '__typename']);

/** Whether nothing is asked of the field's object but which one it is, so that whoever knows its id need not read it. */
export function asksWhichAlone({ fieldNodes }: Pick<GraphQLResolveInfo, 'fieldNodes'>): boolean {
  return fieldNodes.every(({ selectionSet }) =>
    selectionSet?.selections.every(
      (selection) => selection.kind === Kind.FIELD && BARE_FIELDS.has(selection.name.value),
    ),
  );
}
