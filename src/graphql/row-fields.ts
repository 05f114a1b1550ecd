import { Kind, type FieldNode, type GraphQLResolveInfo, type SelectionNode } from 'graphql';
import type { RowPart } from '../kernel/page.js';
import { onceForField } from './once-for-field.js';

type Info = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>;

/**
 * Decides how much of its rows a connection has to read for what its document asks for.
 * @param few the fields of a row for which few columns are enough; whatever else is asked for takes all of them
 */
export function rowPartFor(few: ReadonlySet<string>): (info: Info) => RowPart {
  return onceForField((info: Info) => {
    const names = rowFieldsOf(info);
    // REST has its lists without `nodes`.
    if (names.length === 0) return 'shown';
    return names.every((name) => few.has(name)) ? 'few' : 'all';
  });
}

/** The names of all fields that the document asks for of a connection's rows, in `nodes` and in `edges`. */
function rowFieldsOf({ fieldNodes, fragments }: Info): string[] {
  const below = (fields: readonly FieldNode[]) =>
    fieldsIn(
      fields.flatMap(({ selectionSet }) => selectionSet?.selections ?? []),
      fragments,
    );
  const named = (fields: readonly FieldNode[], wanted: string) => fields.filter(({ name }) => name.value === wanted);
  const ofConnection = below(fieldNodes);
  const rows = [...named(ofConnection, 'nodes'), ...named(below(named(ofConnection, 'edges')), 'node')];
  return below(rows).map(({ name }) => name.value);
}

function fieldsIn(selections: readonly SelectionNode[], fragments: Info['fragments']): FieldNode[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value];
    return fieldsIn(fragment?.selectionSet.selections ?? [], fragments);
  });
}
