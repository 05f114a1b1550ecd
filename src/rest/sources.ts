import { MAX_OFFSET, MAX_PAGE_SIZE } from '../kernel/page.js';
import type { JsonSchema } from './json-schema.js';

export interface ParameterOptions {
  /** The value when the parameter is not sent. By default, the argument's own default. */
  readonly default?: unknown;
  /** For query parameters: a header that may carry the value too, and then takes precedence. */
  readonly header?: string;
  /** Added to the argument's schema in the API reference, such as `{ maximum: 100 }`. It is not checked. */
  readonly schema?: JsonSchema;
  readonly description?: string;
}

/** The part of a request from which an argument is read. `name` is the client's name. */
export type RestSource =
  | ({ readonly in: 'path' | 'query' | 'header' | 'cookie'; readonly name: string } & ParameterOptions)
  /**
   * For an input object: the JSON body is the object, with fields in snake_case. For any other argument: a field of the body,
   * with its name in snake_case. Unknown fields are ignored, since clients send whole objects back. `header` may carry the value
   * of a single field too, and then takes precedence. `schema` is added to the schema of the body in the API
   * reference, with the client's names, such as `{ if: …, then: … }` for fields that depend on each other; it is not checked.
   */
  | {
      readonly in: 'body';
      readonly header: string | undefined;
      readonly omit: readonly string[];
      readonly schema: JsonSchema;
    }
  /** For an argument that takes versions: the strong entity tags of `If-Match`. `*` expects nothing, as without the header. */
  | { readonly in: 'if-match' }
  /** For an argument of the type Upload: the body is multipart/form-data, with this as its only part. */
  | { readonly in: 'file'; readonly name: string }
  | { readonly in: 'constant'; readonly value: unknown };

export const path = (name: string, options: ParameterOptions = {}): RestSource => ({ in: 'path', name, ...options });
export const query = (name: string, options: ParameterOptions = {}): RestSource => ({ in: 'query', name, ...options });
export const header = (name: string, options: ParameterOptions = {}): RestSource => ({
  in: 'header',
  name,
  ...options,
});
/** `name` is without the prefix that the door adds: see {@link RestCookie}. */
export const cookie = (name: string, options: ParameterOptions = {}): RestSource => ({
  in: 'cookie',
  name,
  ...options,
});
/** `omit` lists fields (camelCase) of the input that this route does not read from the body. */
export const body = (options: Partial<Omit<Extract<RestSource, { in: 'body' }>, 'in'>> = {}): RestSource => ({
  in: 'body',
  header: options.header,
  omit: options.omit ?? [],
  schema: options.schema ?? {},
});
export const ifMatch: RestSource = { in: 'if-match' };
export const file = (name: string): RestSource => ({ in: 'file', name });
export const constant = (value: unknown): RestSource => ({ in: 'constant', value });

/** The query parameters `skip` and `limit` of a list. */
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
