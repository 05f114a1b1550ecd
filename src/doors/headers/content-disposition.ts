import { parse } from 'content-disposition';

/** The header of a part of a form. */
interface Disposition {
  /** In lower case. */
  readonly type: string;
  readonly name: string | undefined;
  readonly filename: string | undefined;
}

const PARAMETER = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))/gs;

/**
 * Reads `Content-Disposition` as browsers and tools send it in forms (RFC 7578): text in UTF-8, quotes escaped by a backslash,
 * other backslashes as they are. `filename*` (RFC 8187) wins over `filename`, unless it cannot be read.
 * @param header bytes in Latin-1
 */
export function dispositionOf(header: string): Disposition {
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, plain = ''] of header.matchAll(PARAMETER)) {
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, quoted?.replace(/\\(["\\])/g, '$1') ?? plain.trim());
  }
  const text = (name: string) => {
    const value = parameters.get(name);
    return value === undefined ? undefined : Buffer.from(value, 'latin1').toString('utf8');
  };
  return {
    type: header.split(';', 1)[0]?.trim().toLowerCase() ?? '',
    name: text('name'),
    filename: extended(parameters.get('filename*')) ?? text('filename'),
  };
}

function extended(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  try {
    return parse(`attachment; filename*=${value}`).parameters['filename'];
  } catch {
    return undefined;
  }
}
