import { createHmac } from 'node:crypto';
import { derivedKey } from '../../../kernel/token.js';

/** A field of the schema and its arguments, as every door gives them. */
export interface CalledField {
  readonly field: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Dotted paths of arguments that only say in which form, or when, the answer comes. */
  readonly answerOnly: readonly string[];
}

/** Tells whether two calls ask for the same: hashes with a key, since an argument may be a password. */
export class Fingerprints {
  readonly #keys: readonly Buffer[];

  /** @param secrets the first makes, all recognise */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) => derivedKey(secret, 'fingerprints of calls', 32));
  }

  /** The present one first, then those by older secrets. */
  of(called: CalledField): readonly [Buffer<ArrayBuffer>, ...Buffer<ArrayBuffer>[]] {
    const text = canonicalCall(called);
    const [first, ...others] = this.#keys.map((key) => createHmac('sha256', key).update(text).digest());
    if (first === undefined) throw new RangeError('there is no secret to make fingerprints with');
    return [first, ...others];
  }
}

/** Not the document or the route: doors that ask for the same by other words agree. */
export function canonicalCall({ field, args, answerOnly }: CalledField): string {
  // An argument that is null says as much as one that is left out.
  const given = Object.entries(args).filter(([name, value]) => value != null && !answerOnly.includes(name));
  return JSON.stringify([field, canonical(Object.fromEntries(given), '', new Set(answerOnly))]);
}

/** Objects with their keys in order, without those at the paths `omitted`. */
function canonical(value: unknown, path: string, omitted: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((each) => canonical(each, path, omitted));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  const entries = Object.entries(value)
    .map(([key, each]) => ({ key, each: each as unknown, at: path === '' ? key : `${path}.${key}` }))
    .filter(({ each, at }) => each !== undefined && !omitted.has(at))
    .sort((one, other) => (one.key < other.key ? -1 : 1));
  return Object.fromEntries(entries.map(({ key, each, at }) => [key, canonical(each, at, omitted)]));
}
