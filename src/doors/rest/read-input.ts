import type { IncomingMessage } from 'node:http';
import { coerceInputValue, type GraphQLInputType } from 'graphql';
import type { ZodType } from 'zod';
import { findFaults } from '../../graphql/operation.js';
import { checkVariables } from '../../graphql/text-check.js';
import type { Fault } from '../../kernel/errors.js';
import { cookieValues, wireCookieName } from './cookies.js';
import { strongTagsOf } from '../headers/validators.js';
import { preferenceOf } from '../headers/prefer.js';
import { isJsonObject, jsonCheck, textReader, withoutUnknown, type JsonCheck, type TextReader } from './decode.js';
import type { InputPlan, WireInput } from './input-plan.js';

/** The parts of a request, apart from the body, from which inputs are read. */
export interface WireRequest {
  readonly request: IncomingMessage;
  readonly pathParameters: Readonly<Record<string, string | undefined>>;
  readonly query: string;
  /** Whether clients reach the service over HTTPS only. */
  readonly isSecure: boolean;
}

/** The view's variables, and every fault of the request, with the client's field names. */
export interface ReadInput {
  readonly variables: Record<string, unknown>;
  readonly faults: readonly Fault[];
}

export interface InputReader {
  /**
   * Reads names and types, strictly. `body` is the parsed JSON body; undefined when it was empty or the operation takes none.
   * Its unknown keys are ignored, or faults if the client asked for that ({@link prefersStrict}).
   */
  read(wire: WireRequest, body: unknown): ReadInput;
  /**
   * Every fault of a request that has at least one: those found so far, and those that the rules and text checks find in the
   * rest. It is not called for a request without faults, whose rules run before the resolver, as on every door.
   */
  allFaults(input: ReadInput): readonly Fault[];
}

/** The field name of a fault that concerns the whole body. */
const WHOLE_BODY = 'body';

/** Makes the reader of an operation. The checks of its inputs are prepared here once, not for each request. */
export function inputReader(
  plan: InputPlan,
  rules: ZodType<object> | undefined,
  viewType: (input: WireInput) => GraphQLInputType,
): InputReader {
  const parameters = plan.inputs
    .filter((input) => input.in !== 'body' && input.in !== 'file')
    .map((input) => ({ input, read: input.in === 'if-match' ? readTags : textReader(input.type) }));
  const takesQuery = parameters.some(({ input }) => input.in === 'query');
  const fields: BodyFields = new Map(
    plan.inputs.filter((input) => input.in === 'body').map((input) => [input.name, bodyField(input)] as const),
  );
  return {
    read(wire, body) {
      const variables: Record<string, unknown> = {};
      const faults: Fault[] = [];
      const query = takesQuery && wire.query !== '' ? new URLSearchParams(wire.query) : undefined;
      for (const { input, read } of parameters) readParameter(input, read, wire, query, variables, faults);
      if (plan.hasBody) readBody(body, fields, wire.request, variables, faults);
      return { variables, faults };
    },
    allFaults({ variables, faults }) {
      const found = [...faults, ...textFaults(plan, variables)];
      // The rules would report every field of an unreadable body as missing.
      if (faults.some(({ field }) => field === WHOLE_BODY)) return found;
      const more = ruleFaults(plan, rules, viewType, variables).filter(
        (fault) => !found.some(({ field }) => touches(field, fault.field)),
      );
      return [...found, ...more];
    },
  };
}

function readParameter(
  input: WireInput,
  read: TextReader,
  wire: WireRequest,
  query: URLSearchParams | undefined,
  variables: Record<string, unknown>,
  faults: Fault[],
): void {
  const texts = textsOf(input, wire, query);
  if (texts.length > 0) {
    const value = read(texts, input.name, faults);
    if (value !== undefined) variables[input.variable] = value;
  } else if (input.fallback !== undefined) {
    variables[input.variable] = input.fallback;
  } else if (input.required) {
    faults.push({ field: input.name, message: 'is required' });
  }
}

/** The versions of which the present one must be one; undefined for any. */
const readTags: TextReader = (texts) => strongTagsOf(texts);

function textsOf(input: WireInput, wire: WireRequest, query: URLSearchParams | undefined): readonly string[] {
  if (input.in === 'path') {
    const text = wire.pathParameters[input.name];
    return text === undefined ? [] : [text];
  }
  if (input.in === 'header' || input.in === 'if-match') return headerValues(wire.request, input.name);
  if (input.in === 'cookie') return cookieValues(wire.request, wireCookieName(input.name, wire.isSecure));
  const fromHeader = input.header === undefined ? [] : headerValues(wire.request, input.header);
  return fromHeader.length > 0 ? fromHeader : (query?.getAll(input.name) ?? []);
}

/**
 * Whether keys of the body that the route does not read are faults (RFC 7240, 4.4), also those that are only read-only: a
 * client that is strict about what it sends does not send whole objects back.
 */
export function prefersStrict(request: IncomingMessage): boolean {
  return preferenceOf(request, 'handling') === 'strict';
}

/** Every value of a header, unmodified; Node's `headers` joins some repeated headers and drops others. */
function headerValues({ rawHeaders }: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index];
    if (candidate?.length === name.length && candidate.toLowerCase() === name.toLowerCase()) {
      values.push(rawHeaders[index + 1] ?? '');
    }
  }
  return values;
}

interface BodyField {
  readonly input: WireInput;
  readonly check: JsonCheck;
  readonly withoutUnknown: ((value: unknown) => unknown) | undefined;
  /** Reads the header that takes precedence over the field. */
  readonly readHeader: TextReader;
}
type BodyFields = ReadonlyMap<string, BodyField>;

function bodyField(input: WireInput): BodyField {
  const { type } = input;
  return { input, check: jsonCheck(type), withoutUnknown: withoutUnknown(type), readHeader: textReader(type) };
}

function readBody(
  body: unknown,
  fields: BodyFields,
  request: IncomingMessage,
  variables: Record<string, unknown>,
  faults: Fault[],
): void {
  const object = body === undefined ? {} : body;
  if (!isJsonObject(object)) {
    faults.push({ field: WHOLE_BODY, message: 'must be a JSON object' });
    return;
  }
  const isStrict = prefersStrict(request);
  for (const name of Object.keys(object)) {
    if (isStrict && !fields.has(name)) faults.push({ field: name, message: 'is not a known field' });
  }
  for (const [name, field] of fields) {
    const { header, variable, required } = field.input;
    const inHeader = header === undefined ? [] : headerValues(request, header);
    // An empty header is what a client sends whose token is in the body.
    if (
      header !== undefined &&
      (inHeader.some((text) => text !== '') || (inHeader.length > 0 && !Object.hasOwn(object, name)))
    ) {
      const value = field.readHeader(inHeader, header, faults);
      if (value !== undefined) variables[variable] = value;
    } else if (Object.hasOwn(object, name)) {
      const value = isStrict ? object[name] : (field.withoutUnknown?.(object[name]) ?? object[name]);
      if (field.check(value, name, faults)) variables[variable] = value;
    } else if (required) {
      faults.push(
        header === undefined
          ? { field: name, message: 'is required' }
          : { field: header, message: `is required, here or as ${name} in the body` },
      );
    }
  }
}

function textFaults(plan: InputPlan, variables: Readonly<Record<string, unknown>>): readonly Fault[] {
  return Object.entries(variables).flatMap(([name, value]) => {
    const refusal = checkVariables({ [name]: value });
    const faults = (refusal?.extensions['errors'] ?? []) as readonly Fault[];
    return faults.map((fault) => ({ field: plan.toWireField(fault.field), message: fault.message }));
  });
}

function ruleFaults(
  plan: InputPlan,
  rules: ZodType<object> | undefined,
  viewType: (input: WireInput) => GraphQLInputType,
  variables: Readonly<Record<string, unknown>>,
): readonly Fault[] {
  if (rules === undefined) return [];
  const values = Object.fromEntries(
    plan.inputs.flatMap((input): [string, unknown][] =>
      Object.hasOwn(variables, input.variable)
        ? [[input.variable, coerceInputValue(variables[input.variable], viewType(input))]]
        : [],
    ),
  );
  return findFaults(rules, plan.toArguments(values)).map((fault) => ({
    field: plan.toWireField(fault.field),
    message: fault.message,
  }));
}

function touches(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}.`) || other.startsWith(`${one}.`);
}
