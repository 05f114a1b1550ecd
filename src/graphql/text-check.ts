import { visit, type DocumentNode, type FloatValueNode, type IntValueNode, type ValueNode } from 'graphql';
import { MAX_JSON_DEPTH } from '../kernel/rules.js';
import { Refusal } from './refusal.js';

interface Fault {
  readonly field: string;
  readonly message: string;
}

/** Why a text cannot be stored by PostgreSQL or encoded in UTF-8; undefined when it can. */
function faultOf(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain a NUL character';
  if (!text.isWellFormed()) return 'must be well-formed Unicode, without a lone surrogate';
  return undefined;
}

/** The fault of a number that JavaScript reads as infinite: JSON has no infinity, so null would be stored. */
const TOO_LARGE = 'must not be a number beyond 1.8e308';

/**
 * The first text or number in `value` that cannot be stored, or a value that is nested deeper than {@link MAX_JSON_DEPTH}. Looks
 * only into plain objects and lists, which an uploaded file is not.
 */
function findFault(value: unknown, field: string, depth: number): Fault | undefined {
  if (typeof value === 'string') {
    const message = faultOf(value);
    return message === undefined ? undefined : { field, message };
  }
  // A variable that is a number itself is refused by its type.
  if (typeof value === 'number')
    return depth === 1 || Number.isFinite(value) ? undefined : { field, message: TOO_LARGE };
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > MAX_JSON_DEPTH) return { field, message: `must not be nested more than ${MAX_JSON_DEPTH} levels deep` };
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const fault = findFault(item, `${field}.${index}`, depth + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  for (const [name, item] of Object.entries(value)) {
    const message = faultOf(name);
    if (message !== undefined) return { field, message: `has a name that ${message}` };
    const fault = findFault(item, `${field}.${name}`, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Refuses variables that hold a NUL, a lone surrogate, an infinite number, or JSON nested too deep; the error names the path. */
export function checkVariables(variables: Readonly<Record<string, unknown>>): Refusal | undefined {
  for (const [name, value] of Object.entries(variables)) {
    const fault = findFault(value, name, 1);
    if (fault !== undefined) {
      const message = `${fault.field} ${fault.message}`;
      return new Refusal(message, 'BAD_USER_INPUT', { status: 422, details: { errors: [fault] } });
    }
  }
  return undefined;
}

/** The same check for the literals of a document, since `"\u0000"` and `1e400` are valid GraphQL. */
export function checkLiterals(document: DocumentNode): Refusal | undefined {
  let refusal: Refusal | undefined;
  const refuse = (what: string, fault: string | undefined, nodes: ValueNode) => {
    if (fault === undefined) return;
    refusal ??= new Refusal(`A ${what} in the document ${fault}`, 'BAD_USER_INPUT', { status: 422, nodes });
  };
  const checkNumber = (node: FloatValueNode | IntValueNode) => {
    refuse('value', Number.isFinite(Number(node.value)) ? undefined : TOO_LARGE, node);
  };
  visit(document, {
    StringValue(node) {
      refuse('string', faultOf(node.value), node);
    },
    FloatValue: checkNumber,
    IntValue: checkNumber,
  });
  return refusal;
}
