import { getNamedType, isInputObjectType, isLeafType, type GraphQLField, type GraphQLSchema } from 'graphql';
import type { OperationExtension } from '../../src/graphql/operation.js';
import type { RestRoute, RestStreamRoute, AnyRestRoute, RestFileRoute } from '../../src/rest/route.js';
import type { RestSource } from '../../src/rest/sources.js';
import type { Variables } from './authorisation-table.js';

/** A root field with its metadata, from which calls on each door are generated. */
export interface RootField {
  /** As `Query.me`. */
  readonly name: string;
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly field: GraphQLField<unknown, unknown>;
  readonly operation: OperationExtension | undefined;
  readonly routes: readonly AnyRestRoute[];
}

export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | FormData;
}

export function rootFieldsOf(schema: GraphQLSchema): RootField[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([kind, type]) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({
      name: `${type?.name ?? ''}.${field.name}`,
      kind,
      field,
      operation: field.extensions['operation'] as OperationExtension | undefined,
      routes: [
        ...((field.extensions['rest'] ?? []) as readonly RestRoute[]),
        ...[(field.extensions['restStream'] as RestStreamRoute | undefined) ?? []].flat(),
        ...[(field.extensions['restFile'] as RestFileRoute | undefined) ?? []].flat(),
      ],
    })),
  );
}

/** The field with these arguments, over HTTP; a subscription as an event stream. */
export function graphqlCall({ kind, field }: RootField, variables: Variables): HttpCall {
  const given = field.args.filter(({ name }) => Object.hasOwn(variables, name));
  const declared = given.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const passed = given.map(({ name }) => `${name}: $${name}`).join(', ');
  const selection = isLeafType(getNamedType(field.type)) ? '' : ' { __typename }';
  const query = `${kind} ${declared && `(${declared})`} { ${field.name}${passed && `(${passed})`}${selection} }`;
  const accept = kind === 'subscription' ? 'text/event-stream' : 'application/json';
  const [file] = Object.entries(variables).filter(([, value]) => value instanceof File);
  const common = { method: 'POST', path: '/graphql' };
  if (file === undefined) {
    const headers = { accept, 'content-type': 'application/json' };
    return { ...common, headers, body: JSON.stringify({ query, variables }) };
  }
  const [name, value] = file;
  const body = new FormData();
  body.set('operations', JSON.stringify({ query, variables: { ...variables, [name]: null } }));
  body.set('map', JSON.stringify({ 0: [`variables.${name}`] }));
  body.set('0', value as File);
  return { ...common, headers: { accept, 'graphql-require-preflight': 'true' }, body };
}

/** Calls a route of the field with the same arguments, each where the route reads it. */
export function restCall({ field }: RootField, route: AnyRestRoute, variables: Variables): HttpCall {
  let path = `/api/v1${route.path}`;
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  let body: Record<string, unknown> | FormData | undefined;
  for (const [key, source] of Object.entries(route.arguments ?? {})) {
    const value = valueAt(variables, key);
    if (source.in === 'body') {
      body = { ...(body instanceof FormData ? {} : body), ...bodyOf(field, key, source, value) };
    } else if (source.in !== 'constant' && value !== undefined) {
      if (source.in === 'path') path = path.replace(`{${source.name}}`, textOf(value));
      if (source.in === 'query') for (const item of [value].flat()) query.append(source.name, textOf(item));
      if (source.in === 'header') headers[source.name.toLowerCase()] = textOf(value);
      if (source.in === 'file') {
        body = new FormData();
        body.set(source.name, value as File);
      }
    }
  }
  if ('events' in route) headers['accept'] = 'text/event-stream';
  const target = query.size > 0 ? `${path}?${query.toString()}` : path;
  const call = { method: route.method, path: target };
  if (body === undefined) return { ...call, headers };
  if (body instanceof FormData) return { ...call, headers, body };
  return { ...call, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function valueAt(variables: Variables, key: string): unknown {
  return key.split('.').reduce<unknown>((at, name) => (at as Variables | undefined)?.[name], variables);
}

function bodyOf(
  field: RootField['field'],
  argument: string,
  { omit }: Extract<RestSource, { in: 'body' }>,
  value: unknown,
): Record<string, unknown> {
  const type = field.args.find(({ name }) => name === argument)?.type;
  if (type === undefined || !isInputObjectType(getNamedType(type))) return { [snakeCase(argument)]: value };
  if (Array.isArray(value)) return { [snakeCase(argument)]: value.map((item: Variables) => onTheWire(item)) };
  const entries = Object.entries((value ?? {}) as Variables).filter(([name]) => !omit.includes(name));
  return onTheWire(Object.fromEntries(entries));
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);

function onTheWire(object: Variables): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([name, item]) => [snakeCase(name), item]));
}
