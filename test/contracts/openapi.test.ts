import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, isObjectType } from 'graphql';

type Json = Readonly<Record<string, unknown>>;

const read = (name: string) => readFileSync(new URL(`../../schema/${name}`, import.meta.url), 'utf8');
const document = JSON.parse(read('openapi.json')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, Json>>>>;
};
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));

interface Place {
  readonly at: string;
  readonly value: Json;
}

/** Every object of the document, with its place. Examples are data, and conditions (`if`) are no types. */
function* objectsIn(value: unknown, at = ''): Generator<Place> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield { at, value: value as Json };
  for (const [key, part] of Object.entries(value)) {
    if (!['example', 'examples', 'if', 'then', 'else'].includes(key)) yield* objectsIn(part, `${at}/${key}`);
  }
}

const placesWhere = (holds: (value: Json, at: string) => boolean) =>
  [...objectsIn(document)].filter(({ value, at }) => holds(value, at)).map(({ at }) => at);

const descriptions = [...objectsIn(document)].flatMap(({ at, value }) =>
  ['summary', 'description'].flatMap((key) => (typeof value[key] === 'string' ? [{ at, text: value[key] }] : [])),
);

// What generators of clients need, which test/clients tries with several of them.
describe('the OpenAPI document, for generators of clients', () => {
  it('has a name for every object', () => {
    expect(placesWhere(({ properties }, at) => typeof properties === 'object' && !isNamed(at))).toEqual([]);
  });

  it('has a name for every alternative', () => {
    expect(placesWhere(({ anyOf, oneOf }, at) => (anyOf !== undefined || oneOf !== undefined) && !isNamed(at))).toEqual(
      [],
    );
  });

  it('says that something may be null by its types, and has no type of nothing but null', () => {
    expect(placesWhere(({ type }) => type === 'null' || (Array.isArray(type) && !isNullable(type)))).toEqual([]);
    expect(placesWhere((value) => 'nullable' in value)).toEqual([]);
  });

  // openapi-python-client leaves the whole object out otherwise, with a warning and no error.
  it('has a name for every object in an object that may be null', () => {
    const mayBeObject = (schema: unknown) => [(schema as Json)['type']].flat().includes('object');
    const unnamed = placesWhere(({ type, properties = {} }) => {
      const mayBeNull = Array.isArray(type) && type.includes('null');
      return mayBeNull && Object.values(properties as object).some(mayBeObject);
    });
    expect(unnamed).toEqual([]);
  });

  it('names every status by itself', () => {
    const statuses = operations.flatMap(({ responses }) => Object.keys(responses as object));
    expect(statuses.filter((status) => !/^[1-5]\d\d$/.test(status))).toEqual([]);
  });

  it('has one media type for a good answer, apart from files', () => {
    const several = operations.filter(({ responses }) => {
      const { 200: answer } = responses as Record<string, { readonly content: object }>;
      return Object.keys(answer?.content ?? {}).length !== 1;
    });
    expect(several.map(({ operationId }) => operationId)).toEqual(['exportConversations']);
  });

  // OpenAPI Generator writes Java that does not compile for a list among the alternatives.
  it('has no lists among alternatives', () => {
    const { schemas = {} } = document.components;
    const isList = (alternative: unknown) => {
      const { $ref: reference, type } = alternative as Json;
      const referred = typeof reference === 'string' ? schemas[reference.split('/').at(-1) ?? ''] : undefined;
      return (referred?.['type'] ?? type) === 'array';
    };
    const alternatives = ({ anyOf, oneOf }: Record<string, unknown>) => [anyOf ?? [], oneOf ?? []].flat();
    expect(placesWhere((value) => alternatives(value).some(isList))).toEqual([]);
  });

  it('describes every operation, parameter and header', () => {
    const things = placesWhere((value, at) => {
      const isParameter = 'schema' in value && !at.includes('/content/') && !at.endsWith('/properties');
      const isThing = 'operationId' in value ? !at.includes('/links/') : isParameter;
      const { description } = value;
      return isThing && (typeof description !== 'string' || description.trim() === '');
    });
    expect(things).toEqual([]);
  });

  it('links only to operations and parameters that there are', () => {
    const links = [...objectsIn(document)].filter(({ at }) => /\/links\/\w+$/.test(at)).map(({ value }) => value);
    expect(links.length).toBeGreaterThan(20);
    for (const { operationId, parameters } of links) {
      const target = operations.find((operation) => operation['operationId'] === operationId);
      const known = (target?.['parameters'] as { readonly name: string }[] | undefined)?.map(({ name }) => name);
      expect(known).toEqual(expect.arrayContaining(Object.keys(parameters as object)));
    }
  });
});

function isNamed(at: string): boolean {
  return /^\/components\/schemas\/\w+$/.test(at);
}

function isNullable(types: readonly unknown[]): boolean {
  return types.length === 2 && types[1] === 'null';
}

describe("the OpenAPI document's descriptions", () => {
  const schema = buildSchema(read('schema.graphql'));
  const fields = ['Query', 'Mutation', 'Subscription'].flatMap((name) => {
    const type = schema.getType(name);
    return isObjectType(type) ? Object.keys(type.getFields()) : [];
  });
  const inBackticks = (text: string) => [...text.matchAll(/`([^`]+)`/g)].flatMap(([, words]) => words ?? []);
  const snakeCase = (name: string) => name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
  const found = (faults: (text: string) => readonly string[]) =>
    descriptions.flatMap(({ at, text }) => faults(text).map((fault) => `${fault} at ${at}`));

  it('name no operation of GraphQL, as it is called there or in snake_case', () => {
    const names = fields.filter((field) => /[A-Z]/.test(field));
    const terms = new Set([...names, ...names.map(snakeCase)]);
    expect(found((text) => inBackticks(text).filter((word) => terms.has(word.replace(/\(.*$/s, ''))))).toEqual([]);
    const calls = new RegExp(`\\b(?:${fields.join('|')})\\((?!s\\))`);
    expect(found((text) => inBackticks(text).filter((word) => calls.test(word)))).toEqual([]);
  });

  it('name errors by their statuses', () => {
    const codes =
      /(?<!`)\b(?:UNAUTHENTICATED|FORBIDDEN|NOT_FOUND|CONFLICT|BAD_USER_INPUT|QUOTA_EXCEEDED|RATE_LIMITED|UPSTREAM_FAILED|UNAVAILABLE)\b/g;
    expect(found((text) => text.match(codes) ?? [])).toEqual([]);
  });

  it('name fields as REST does', () => {
    const camelCase = (text: string) => inBackticks(text).filter((word) => /^[a-z]+(?:[A-Z][a-z]+)+$/.test(word));
    expect(found(camelCase)).toEqual([]);
  });

  it('do not speak of GraphQL, but to say that there is such a door', () => {
    const terms = /GraphQL|\b[Mm]utation|[Ss]ubscription|\bextensions\b|[Aa]lways true/g;
    expect(found((text) => text.match(terms) ?? [])).toEqual(['GraphQL at /info']);
  });
});
