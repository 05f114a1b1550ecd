import { Extensions } from 'type-graphql';
import type { JsonSchema } from './json-schema.js';

/**
 * Changes how a field of an object type appears in the REST view. By default, a field keeps its type and has its name in
 * snake_case, and fields of another Node, a connection, an interface or a union do not appear.
 */
export interface RestFieldOptions {
  readonly name?: string;
  /** In place of the field's description, where that speaks of GraphQL. */
  readonly description?: string;
  /** Added to the field's schema in the API reference, such as `{ format: 'uri' }`. */
  readonly schema?: JsonSchema;
  /**
   * Makes the field a plain value, computed from the parent object without the field's resolver. `type` is an SDL scalar type,
   * such as `ID!` or `String`.
   */
  readonly value?: { readonly type: string; readonly from: (parent: never) => unknown };
}

export function RestField(options: RestFieldOptions): PropertyDecorator & MethodDecorator {
  return Extensions({ restField: options });
}

/** Leaves a field of an object type out of the REST view. */
export function RestHidden(): PropertyDecorator & MethodDecorator {
  return Extensions({ restField: 'hidden' });
}
