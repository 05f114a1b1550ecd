import { Extensions } from 'type-graphql';

/**
 * Changes how a field of an object type appears in the REST view. By default a field has the same type and its name in
 * snake_case; a field that gives another Node, a connection, an interface or a union does not appear.
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
