/**
 * How a field's value is found, where its resolver needs no arguments: it is the row's property of that name, or what is read of the
 * row alone, or, with neither, what the resolver answers to the row, the context and the info. What it has answered does not change any
 * more: it is read when all rows have been resolved.
 */
export interface Shortcut {
  readonly property?: string;
  readonly read?: (row: unknown) => unknown;
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
