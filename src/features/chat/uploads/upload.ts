/** A file as its user sees it. */
export interface UploadRow {
  readonly id: string;
  readonly userId: string;
  /** The part of its address that nobody can guess. */
  readonly accessKey: string;
  readonly filename: string;
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  readonly createdAt: Date;
}

/** A file on its way in, as its sender describes it. */
export interface IncomingFile {
  readonly filename: string;
  readonly contentType: string;
  /** The bytes, once. Throws when they cannot all be read. */
  read(): AsyncIterable<Uint8Array>;
}

/** The limit of common file systems. */
export const MAX_FILENAME_BYTES = 255;
/** RFC 6838, 4.2: each of the two names has 127 characters at most. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
const UNKNOWN_MEDIA_TYPE = 'application/octet-stream';

/** Control characters, and marks that make a name read otherwise than it is (`exe.txt` for `txt.exe`). */
const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** The last part of a path, without invisible characters, cut to {@link MAX_FILENAME_BYTES}; `file` when nothing is left. */
export function cleanFilename(name: string): string {
  const last = name.toWellFormed().split(/[/\\]/).at(-1) ?? '';
  const clean = cutToBytes(last.replace(UNSEEN, '').trim(), MAX_FILENAME_BYTES).trim();
  return clean === '' || clean === '.' || clean === '..' ? 'file' : clean;
}

function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // Not inside of a character: its further bytes are 10xxxxxx.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** The media type that the sender gave, without parameters; `application/octet-stream` in place of what is none. */
export function cleanMediaType(contentType: string): string {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return MEDIA_TYPE.test(type) ? type : UNKNOWN_MEDIA_TYPE;
}
