import { MAX_OFFSET, MAX_PAGE_SIZE } from '../kernel/page.js';
import type { JsonSchema } from './json-schema.js';

export interface ParameterOptions {
  /** The value when the parameter is not sent. Without it, the argument's own default. */
  readonly default?: unknown;
  /** A header that may carry the value as well, and then wins. For query parameters. */
  readonly header?: string;
  /** Added to the argument's schema in the reference, such as `{ maximum: 100 }`. It checks nothing. */
  readonly schema?: JsonSchema;
  readonly description?: string;
}

/** The part of a request that an argument is read from. `name` is the wire's. */
export type RestSource =
  | ({ readonly in: 'path' | 'query' | 'header' | 'cookie'; readonly name: string } & ParameterOptions)
  /**
   * For an input object: the JSON body is the object, its fields in snake_case. For any other argument: the body has a field
   * of its name in snake_case. `readOnly` names (the wire's) are taken and ignored: clients send whole objects back. Any
   * other unknown name is a fault. `schema` is added to the schema of the body in the reference, in the wire's names, such as
   * `{ if: …, then: … }` for fields that depend on each other; it checks nothing.
   */
  | {
      readonly in: 'body';
      readonly readOnly: readonly string[];
      readonly omit: readonly string[];
      readonly schema: JsonSchema;
    }
  /** For an argument of the type Upload: the body is multipart/form-data, and has this one part. */
  | { readonly in: 'file'; readonly name: string }
  | { readonly in: 'constant'; readonly value: unknown };

export const path = (name: string, options: ParameterOptions = {}): RestSource => ({ in: 'path', name, ...options });
export const query = (name: string, options: ParameterOptions = {}): RestSource => ({ in: 'query', name, ...options });
export const header = (name: string, options: ParameterOptions = {}): RestSource => ({
  in: 'header',
  name,
  ...options,
});
/** `name` is without the prefix that the door gives it: see {@link RestCookie}. */
export const cookie = (name: string, options: ParameterOptions = {}): RestSource => ({
  in: 'cookie',
  name,
  ...options,
});
/** `omit` names fields (camelCase) of the input that this route does not take from the body. */
export const body = (options: Partial<Omit<Extract<RestSource, { in: 'body' }>, 'in'>> = {}): RestSource => ({
  in: 'body',
  readOnly: options.readOnly ?? [],
  omit: options.omit ?? [],
  schema: options.schema ?? {},
});
export const file = (name: string): RestSource => ({ in: 'file', name });
export const constant = (value: unknown): RestSource => ({ in: 'constant', value });

/** REST's `skip` and `limit` of a list. */
export const paging = {
  first: query('limit', {
    default: MAX_PAGE_SIZE,
    schema: { minimum: 1, maximum: MAX_PAGE_SIZE },
    description: 'How many to answer with at most.',
  }),
  offset: query('skip', {
    default: 0,
    schema: { minimum: 0, maximum: MAX_OFFSET },
    description: 'How many to leave out at the start of the list.',
  }),
} as const;
