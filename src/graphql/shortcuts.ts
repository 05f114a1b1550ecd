import { Extensions } from 'type-graphql';

/**
 * How a field's value is found, where its resolver needs no arguments: it is the row's property of that name, or what is read of the
 * row alone, or, with neither, what the resolver answers to the row, the context and the info. What it has answered does not change any
 * more: it is read when all rows have been resolved.
 */
export interface Shortcut {
  readonly property?: string;
  readonly read?: (row: unknown) => unknown;
  readonly reference?: Reference | undefined;
}

/** How a row says which object a field leads to. */
export interface Reference {
  /** The row's property with the object's id, or null. In one operation, the field leads to the same from all rows with the same id. */
  readonly property: string;
  /** Whether the object is there for sure, so that nothing is read where nothing is asked of it but its id. */
  readonly isThere: boolean;
}

/** The descriptor of a resolver's method. Its first argument may be any row that has the property: so TypeScript compares methods. */
interface ResolverOf<Property extends string> {
  value?(row: Readonly<Record<Property, string | null>>, ...others: never[]): unknown;
}

/** Says of a field how its row says what it leads to. */
export function LeadsBy<Property extends string>(property: Property, { isThere = false } = {}) {
  const note = Extensions({ leadsBy: { property, isThere } satisfies Reference });
  return (resolver: object, name: string, method: ResolverOf<Property>): void => {
    note(resolver, name, method);
  };
}

/** What {@link LeadsBy} said of the field. */
export function referenceOf({ extensions }: { readonly extensions: object }): Reference | undefined {
  return 'leadsBy' in extensions ? (extensions.leadsBy as Reference) : undefined;
}

const shortcuts = new WeakMap<object, Shortcut>();

/** Says of a resolver how it finds its value. */
export function noteShortcut<Resolve extends object>(resolve: Resolve, shortcut: Shortcut): Resolve {
  shortcuts.set(resolve, shortcut);
  return resolve;
}

export function shortcutOf(resolve: object): Shortcut | undefined {
  return shortcuts.get(resolve);
}
