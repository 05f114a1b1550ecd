import type { RestError } from '../../rest/answers.js';
import type { AnyRestRoute } from '../../rest/route.js';
import { statusOf } from '../error-map.js';
import type { RestView } from './rest-view.js';
import { toSnakeCase } from './wire-names.js';

/**
 * Operations that descriptions name by a single word. It is told from a field's name, which may be the same, only by this list.
 */
const SINGLE_WORDS: readonly string[] = ['login', 'logout', 'plans'];
const CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'BAD_USER_INPUT',
  'QUOTA_EXCEEDED',
  'RATE_LIMITED',
  'UPSTREAM_FAILED',
  'UNAVAILABLE',
] as const;
const CODE_AND_MESSAGE = new RegExp(`(?<![\`_])\\b(${CODES.join('|')})\\b(?: \`([^\`]+)\`)?`, 'g');
/** Details of errors that REST has in a header. */
const HEADERS: Readonly<Record<string, string>> = { retryAfter: 'Retry-After' };
/** What a GraphQL field answers that REST answers with data of its own. */
const ALWAYS_TRUE = / ?Always true\./g;

/** Descriptions are written for GraphQL, beside its fields. These are the same in REST's terms. */
export class WireWords {
  private readonly places: ReadonlyMap<string, string>;
  private readonly names: ReadonlySet<string>;

  constructor({ operations, streams, files, schema, streamSchema }: RestView) {
    const all = [...operations, ...streams, ...files];
    // The first route of a field is the one that its description is about: the others are for admins, or for old clients.
    this.places = new Map(all.toReversed().map(({ field, route }) => [field, `${route.method} ${route.path}`]));
    const types = [schema, streamSchema].flatMap((one) => Object.values(one?.getTypeMap() ?? {}));
    const fields = types.flatMap((type) => ('getFields' in type ? Object.keys(type.getFields()) : []));
    const inputs = all.flatMap(({ plan }) => plan.inputs.map(({ name }) => name));
    this.names = new Set([
      ...fields,
      ...inputs,
      ...operations.flatMap(({ route }) => propertiesIn(route.data?.schema)),
    ]);
  }

  /**
   * Error codes become statuses, operations their routes, and the names of fields REST's. Only what stands in backticks is a
   * name. @throws Error when a code has several statuses on the route, which then needs a description of its own
   */
  translate(description: string, route?: AnyRestRoute): string {
    return description
      .replace(ALWAYS_TRUE, '')
      .replace(CODE_AND_MESSAGE, (_all, code: Code, message: string | undefined) => {
        const own = errorsIn(route, code, message);
        const status = String(statusIn(route, code, own));
        return message === undefined ? status : `${status} \`${own[0]?.message ?? message}\``;
      })
      .replace(/`(\w+)(\([^`]*\))?`/g, (all, name: string, call?: string) => {
        const isOperation = call !== undefined || /[A-Z]/.test(name) || SINGLE_WORDS.includes(name);
        const place = isOperation ? this.places.get(name) : undefined;
        return place === undefined ? this.field(all, name) : `\`${place}\``;
      })
      .trim();
  }

  private field(all: string, name: string): string {
    const wireName = HEADERS[name] ?? toSnakeCase(name);
    return this.names.has(wireName) || name in HEADERS ? all.replace(name, wireName) : all;
  }
}

/** The names of properties, at any depth. */
function propertiesIn(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(propertiesIn)];
}

type Code = (typeof CODES)[number];

/** The route's errors with a code and, if a message is given, with that one. Bad input without a message is a fault of an input. */
function errorsIn(route: AnyRestRoute | undefined, code: Code, message: string | undefined): readonly RestError[] {
  if (message === undefined && code === 'BAD_USER_INPUT') return [];
  return (route?.errors ?? []).filter(
    (error) =>
      error.code === code && (message === undefined || error.message === message || error.insteadOf === message),
  );
}

function statusIn(route: AnyRestRoute | undefined, code: Code, own: readonly RestError[]): number {
  const statuses = new Set(own.map(({ status }) => status ?? statusOf(code)));
  if (statuses.size > 1)
    throw new Error(`${route?.operationId}: say in a description of its own which status ${code} is`);
  const [status = statusOf(code)] = statuses;
  return status;
}
