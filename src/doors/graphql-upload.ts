import { Refusal } from '../graphql/refusal.js';
import type { FileUpload } from '../graphql/upload-scalar.js';
import { checkParameters, type SentParameters } from './graphql-request.js';
import type { MultipartBody } from './multipart.js';

/**
 * The operation of a multipart request, with the file put where the `map` field says
 * (https://github.com/jaydenseric/graphql-multipart-request-spec). One file per request, after the other fields.
 * @throws Refusal 400
 */
export function parametersOf({ fields, file }: MultipartBody): SentParameters {
  const given = parseField(fields, 'operations');
  const map = parseField(fields, 'map');
  const parameters = checkParameters(given);
  if (!isObject(map)) throw refusal('The field map must be an object');
  const entries = Object.entries(map);
  if (entries.length > 1) throw refusal('Send one file a request');
  const [entry] = entries;
  if (entry === undefined) throw refusal('The map names no file');
  const [field, paths] = entry;
  if (file?.field !== field) throw refusal(`There is no file ${field}, or not in its place after the fields`);
  if (!Array.isArray(paths) || paths.length !== 1 || typeof paths[0] !== 'string') {
    throw refusal('The map must give the path of one variable for the file');
  }
  return { ...parameters, variables: withFile(parameters.variables ?? {}, paths[0], file.upload) };
}

function parseField(fields: MultipartBody['fields'], name: string): unknown {
  const text = fields.get(name);
  if (text === undefined) throw refusal(`The field ${name} is missing, or comes after a file`);
  try {
    return JSON.parse(text);
  } catch {
    throw refusal(`The field ${name} is not valid JSON`);
  }
}

/** A copy of the variables with the file in place of the null at `variables.<path>`. */
function withFile(variables: Readonly<Record<string, unknown>>, path: string, file: FileUpload) {
  const [root, ...names] = path.split('.');
  if (root !== 'variables' || names.length === 0) throw refusal(`The map names ${path}, which is no variable`);
  const copy: Record<string, unknown> = structuredClone(variables);
  let place: Record<string, unknown> = copy;
  for (const name of names.slice(0, -1)) {
    const next = Object.hasOwn(place, name) ? place[name] : undefined;
    if (typeof next !== 'object' || next === null)
      throw refusal(`The map names ${path}, which the operations do not have`);
    place = next as Record<string, unknown>;
  }
  const last = names.at(-1) ?? '';
  if (!Object.hasOwn(place, last) || place[last] !== null) {
    throw refusal(`The map names ${path}, which must be null in the operations`);
  }
  place[last] = file;
  return copy;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const refusal = (message: string) => new Refusal(message, 'BAD_REQUEST');
