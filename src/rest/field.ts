import { Extensions } from 'type-graphql';

/**
 * How a field of an object type appears in the view. Without it: same type, name in snake_case, and not at all where it
 * gives another Node, a connection, an interface or a union.
 */
export interface RestFieldOptions {
  readonly name?: string;
  /**
   * Makes the field a plain value: computed from the parent object without running the field's resolver. `type` is an SDL
   * scalar type, as `ID!` or `String`.
   */
  readonly value?: { readonly type: string; readonly from: (parent: never) => unknown };
}

export function RestField(options: RestFieldOptions): PropertyDecorator & MethodDecorator {
  return Extensions({ restField: options });
}

/** Keeps a field of an object type out of the view. */
export function RestHidden(): PropertyDecorator & MethodDecorator {
  return Extensions({ restField: 'hidden' });
}
