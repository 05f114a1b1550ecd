/** In front of our own keys, and once more in front of those of data that begin with it. */
const MARK = '$';

/**
 * Data as JSON, from which {@link unpack} makes the same again: objects, lists, texts, numbers, booleans, dates and bytes.
 * @throws TypeError for anything that is no data, such as a function
 */
export function pack(value: unknown): string {
  return JSON.stringify(marked(value === undefined ? null : value));
}

export function unpack(text: string): unknown {
  return unmarked(JSON.parse(text));
}

function marked(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
    throw new TypeError(`A ${typeof value} cannot be stored with an Idempotency-Key`);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return { [`${MARK}date`]: value.toISOString() };
  if (value instanceof Uint8Array) return { [`${MARK}bytes`]: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(marked);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key.startsWith(MARK) ? MARK + key : key, marked(each)]),
  );
}

function unmarked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(unmarked);
  const entries = Object.entries(value);
  const [first] = entries;
  if (first?.[0] === `${MARK}date`) return new Date(String(first[1]));
  if (first?.[0] === `${MARK}bytes`) return Buffer.from(String(first[1]), 'base64');
  return Object.fromEntries(
    entries.map(([key, each]) => [key.startsWith(MARK) ? key.slice(MARK.length) : key, unmarked(each)]),
  );
}
