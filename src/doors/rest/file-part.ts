import type { IncomingMessage } from 'node:http';
import type { Fault } from '../../kernel/errors.js';
import { ClientLeft } from '../body.js';
import { MalformedMultipart, readMultipart } from '../multipart.js';
import type { WireInput } from './input-plan.js';
import { prefersStrict } from './read-input.js';
import { Unreadable } from './request-body.js';

export interface FilePart {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly faults: readonly Fault[];
  readonly finish: () => void;
}

/**
 * Reads a multipart body up to the beginning of its file, named as the input. Other parts are ignored, or faults if the client
 * asked for that ({@link prefersStrict}).
 * @throws Unreadable 413, 415, 400; ClientLeft
 */
export async function readFilePart(
  request: IncomingMessage,
  { name, variable }: Pick<WireInput, 'name' | 'variable'>,
  { bodyLimit, uploadLimit }: { readonly bodyLimit: number; readonly uploadLimit: number },
): Promise<FilePart> {
  const others = prefersStrict(request) ? {} : { passesOver: (field: string) => field !== name };
  const limits = { bodyBytes: uploadLimit, fieldBytes: bodyLimit, ...others };
  const { fields, file, finish } = await readMultipart(request, limits).catch((error: unknown) => {
    throw unreadable(error, request);
  });
  const faults: Fault[] = [...fields.keys()].map((field) =>
    field === name ? { field, message: 'must be a file' } : { field, message: 'is not a known field' },
  );
  if (file !== null && file.field !== name) faults.push({ field: file.field, message: 'is not a known field' });
  if (file?.field !== name && !fields.has(name)) faults.push({ field: name, message: 'is required' });
  return { variables: file?.field === name ? { [variable]: file.upload } : {}, faults, finish };
}

function unreadable(error: unknown, request: IncomingMessage): unknown {
  if (!(error instanceof MalformedMultipart)) return error;
  if (error.reason === 'too-large') return new Unreadable(413, 'Payload too large');
  if (error.reason === 'media-type') return new Unreadable(415, 'Unsupported media type');
  return request.complete ? new Unreadable(400, 'Malformed multipart body') : new ClientLeft();
}
