import { Kind, type FieldNode, type GraphQLResolveInfo, type SelectionNode } from 'graphql';
import type { RowPart } from '../kernel/page.js';

type Info = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>;

/**
 * Decides how much of its rows a connection has to read for what its document asks for.
 * @param few the fields of a row for which few columns are enough; whatever else is asked for takes all of them
 */
export function rowPartFor(few: ReadonlySet<string>): (info: Info) => RowPart {
  /** By the field as it stands in its document, which is kept and run again. */
  const known = new WeakMap<FieldNode, RowPart>();
  return (info) => {
    const [first] = info.fieldNodes;
    // A field of a fragment may be joined by others in one place and stand alone in another.
    const isAlone = info.fieldNodes.length === 1 && first !== undefined;
    const before = isAlone ? known.get(first) : undefined;
    if (before !== undefined) return before;
    const names = rowFieldsOf(info);
    // REST has its lists without `nodes`, and shows every field of a row.
    const part = names.length > 0 && names.every((name) => few.has(name)) ? 'few' : 'all';
    if (isAlone) known.set(first, part);
    return part;
  };
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
