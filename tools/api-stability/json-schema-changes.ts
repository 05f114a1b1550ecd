import { isDeepStrictEqual } from 'node:util';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** The part of JSON Schema 2020-12 that is compared by meaning; all other keywords must stay the same. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: JsonValue;
  readonly enum?: readonly JsonValue[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly [keyword: string]: unknown;
}

/** Clients send requests, which may not narrow, and read responses, which may not widen or lose properties. */
export type Direction = 'request' | 'response';

export interface Place {
  readonly direction: Direction;
  readonly name: string;
}

/** Finds changes between two schemas that break clients of the first one, one sentence each. */
export class JsonSchemaComparison {
  private readonly shared = new Map<string, string[]>();

  constructor(
    private readonly resolveBefore: (reference: string) => JsonSchema,
    private readonly resolveAfter: (reference: string) => JsonSchema,
  ) {}

  compare(before: JsonSchema, after: JsonSchema, place: Place): string[] {
    if (before.$ref === undefined && after.$ref === undefined) return this.compareForms(before, after, place);
    if (before.$ref !== undefined && before.$ref === after.$ref) {
      return this.compareShared(before.$ref, place.direction);
    }
    const resolvedBefore = before.$ref === undefined ? before : this.resolveBefore(before.$ref);
    const resolvedAfter = after.$ref === undefined ? after : this.resolveAfter(after.$ref);
    return this.compare(resolvedBefore, resolvedAfter, place);
  }

  /** A shared schema is reported under its own name, once, since its changes are the same wherever it is used. */
  private compareShared(reference: string, direction: Direction): string[] {
    const key = `${direction} ${reference}`;
    const known = this.shared.get(key);
    if (known !== undefined) return known;

    this.shared.set(key, []); // ends the recursion of recursive schemas
    const place = { direction, name: `${reference.replace('#/', '')} in a ${direction}:` };
    const changes = this.compare(this.resolveBefore(reference), this.resolveAfter(reference), place);
    this.shared.set(key, changes);
    return changes;
  }

  /** Each alternative of one side (requests: of `before`; responses: of `after`) must be allowed by one of the other side. */
  private compareForms(before: JsonSchema, after: JsonSchema, place: Place): string[] {
    const isRequest = place.direction === 'request';
    const outerForms = formsOf(isRequest ? after : before);
    return formsOf(isRequest ? before : after).flatMap((inner) => {
      const attempts = outerForms.map((outer) =>
        isRequest ? this.compareForm(inner, outer, place) : this.compareForm(outer, inner, place),
      );
      const fewest = attempts.toSorted((one, other) => one.length - other.length)[0];
      return fewest ?? [`${place.name} has no form any more`];
    });
  }

  private compareForm(before: JsonSchema, after: JsonSchema, place: Place): string[] {
    if (before.$ref !== undefined || after.$ref !== undefined) return this.compare(before, after, place);
    return [
      ...changedValues(before, after, place),
      ...changedRequired(before, after, place),
      ...this.changedProperties(before, after, place),
      ...this.changedAdditionalProperties(before, after, place),
      ...this.changedItems(before, after, place),
    ];
  }

  private changedProperties(before: JsonSchema, after: JsonSchema, place: Place): string[] {
    return Object.entries(before.properties ?? {}).flatMap(([property, schema]) => {
      const name = at(place.name, `.${property}`);
      const successor = after.properties?.[property];
      return successor === undefined ? [`${name} is gone`] : this.compare(schema, successor, { ...place, name });
    });
  }

  private changedAdditionalProperties(before: JsonSchema, after: JsonSchema, place: Place): string[] {
    const was = before.additionalProperties ?? true;
    const is = after.additionalProperties ?? true;
    const name = at(place.name, '.*');
    if (typeof was === 'object' && typeof is === 'object') return this.compare(was, is, { ...place, name });

    if (place.direction === 'request' && was !== false && is !== true) return [`${name} is restricted`];
    if (place.direction === 'response' && typeof was === 'object' && is === true) return [`${name} may be anything`];
    return [];
  }

  private changedItems(before: JsonSchema, after: JsonSchema, place: Place): string[] {
    const name = at(place.name, '[]');
    if (before.items !== undefined && after.items !== undefined) {
      return this.compare(before.items, after.items, { ...place, name });
    }
    const [, outer] = innerAndOuter(before, after, place.direction);
    return outer.items === undefined ? [] : [`${name} is ${place.direction === 'request' ? 'restricted' : 'free'}`];
  }
}

// --- keywords --------------------------------------------------------------------------------------------------------

const UPPER_BOUNDS = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
const LOWER_BOUNDS = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const ANNOTATIONS = ['title', 'description', 'example', 'examples', 'deprecated', 'readOnly', 'writeOnly', '$comment'];
const COMPARED_BY_MEANING = new Set([
  ...['$ref', 'type', 'const', 'enum', 'required', 'properties', 'additionalProperties', 'items', 'anyOf', 'oneOf'],
  ...['default', ...UPPER_BOUNDS, ...LOWER_BOUNDS, ...ANNOTATIONS],
]);

/** Changes of the values themselves. The inner schema must not allow anything that the outer schema does not. */
function changedValues(before: JsonSchema, after: JsonSchema, place: Place): string[] {
  const [inner, outer] = innerAndOuter(before, after, place.direction);
  const excess = [...excessTypes(inner, outer), ...excessValues(inner, outer), ...looserConstraints(inner, outer)];
  const suffix = place.direction === 'request' ? 'is no longer accepted' : 'was never answered before';
  const changes = excess.map((what) => `${place.name} ${what} ${suffix}`);
  if (place.direction === 'request' && !isDeepStrictEqual(before['default'], after['default'])) {
    changes.push(`${place.name} default ${show(before['default'])} is now ${show(after['default'])}`);
  }
  return changes;
}

function changedRequired(before: JsonSchema, after: JsonSchema, { direction, name }: Place): string[] {
  const [inner, outer] = innerAndOuter(before, after, direction);
  return (outer.required ?? [])
    .filter((property) => !(inner.required ?? []).includes(property))
    .map((property) => `${at(name, `.${property}`)} is ${direction === 'request' ? 'now' : 'no longer'} required`);
}

function excessTypes(inner: JsonSchema, outer: JsonSchema): string[] {
  if (outer.type === undefined) return [];
  const allowed = [outer.type].flat();
  if (allowed.includes('number')) allowed.push('integer');
  const types = inner.type === undefined ? ['any'] : [inner.type].flat();
  return types.filter((type) => !allowed.includes(type)).map((type) => `type ${type}`);
}

function excessValues(inner: JsonSchema, outer: JsonSchema): string[] {
  const allowed = valuesOf(outer);
  if (allowed === undefined) return [];
  const values = valuesOf(inner);
  if (values === undefined) return [`a value beyond ${allowed.map(show).join(', ')}`];
  return values
    .filter((value) => !allowed.some((candidate) => isDeepStrictEqual(candidate, value)))
    .map((value) => `value ${show(value)}`);
}

function looserConstraints(inner: JsonSchema, outer: JsonSchema): string[] {
  return Object.entries(outer)
    .filter(([keyword, bound]) => !holds(keyword, inner[keyword], bound))
    .map(([keyword, bound]) => `a value beyond ${keyword} ${show(bound)}`);
}

function holds(keyword: string, inner: unknown, outer: unknown): boolean {
  if (UPPER_BOUNDS.includes(keyword)) return Number(inner ?? Infinity) <= Number(outer);
  if (LOWER_BOUNDS.includes(keyword)) return Number(inner ?? -Infinity) >= Number(outer);
  return COMPARED_BY_MEANING.has(keyword) || isDeepStrictEqual(inner, outer);
}

function innerAndOuter(before: JsonSchema, after: JsonSchema, direction: Direction): [JsonSchema, JsonSchema] {
  return direction === 'request' ? [before, after] : [after, before];
}

function formsOf({ anyOf, oneOf, ...rest }: JsonSchema): readonly JsonSchema[] {
  return (anyOf ?? oneOf)?.map((form) => ({ ...rest, ...form })) ?? [rest];
}

function valuesOf(schema: JsonSchema): readonly JsonValue[] | undefined {
  return schema.const === undefined ? schema.enum : [schema.const];
}

function at(name: string, step: string): string {
  return name.endsWith(':') ? `${name} ${step.replace(/^\./, '')}` : `${name}${step}`;
}

function show(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}
