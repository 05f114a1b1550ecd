import type { FieldNode, GraphQLResolveInfo } from 'graphql';

const asked = new WeakMap<FieldNode, FieldNode>();

/** Says of a field of a compiled document what the client's document asks for there. */
export function rememberAsked(compiled: FieldNode, node: FieldNode): void {
  asked.set(compiled, node);
}

/**
 * Remembers what is found of a field by the field as it stands in its document, which is kept and run again. A field of a fragment may
 * stand alone in one operation, and be joined by a field that asks for more in another: what is joined is looked at each time.
 */
export function onceForField<Info extends Pick<GraphQLResolveInfo, 'fieldNodes'>, Found>(
  find: (info: Info) => Found,
): (info: Info) => Found {
  const known = new WeakMap<FieldNode, { readonly found: Found }>();
  return (info) => {
    const [first, ...others] = info.fieldNodes;
    if (first === undefined || others.length > 0) return find(info);
    let remembered = known.get(first);
    if (remembered === undefined) {
      const fieldNodes = [asked.get(first) ?? first];
      known.set(first, (remembered = { found: find({ ...info, fieldNodes }) }));
    }
    return remembered.found;
  };
}
