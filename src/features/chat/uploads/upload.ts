/** An uploaded file as its user sees it. */
export interface UploadRow {
  readonly id: string;
  readonly userId: string;
  /** The part of the file's URL that cannot be guessed. */
  readonly accessKey: string;
  readonly filename: string;
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  readonly createdAt: Date;
}

/** A file that is being uploaded, as the client describes it. */
export interface IncomingFile {
  readonly filename: string;
  readonly contentType: string;
  /** Streams the bytes; may be called once. Throws when they cannot all be read. */
  read(): AsyncIterable<Uint8Array>;
}

/** Limit of common file systems. */
export const MAX_FILENAME_BYTES = 255;
/** RFC 6838, section 4.2: type and subtype have at most 127 characters each. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
const UNKNOWN_MEDIA_TYPE = 'application/octet-stream';

/** Control and format characters. Some of them make a name look different (`exe.txt` for `txt.exe`). */
const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * The last segment of a path, without invisible characters, cut to {@link MAX_FILENAME_BYTES}; `file` if nothing is
 * left.
 */
export function cleanFilename(name: string): string {
  const last = name.toWellFormed().split(/[/\\]/).at(-1) ?? '';
  const clean = cutToBytes(last.replace(UNSEEN, '').trim(), MAX_FILENAME_BYTES).trim();
  return clean === '' || clean === '.' || clean === '..' ? 'file' : clean;
}

function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // Cuts at a character's first byte: the following bytes of a UTF-8 sequence are 10xxxxxx.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** The given media type, without parameters; `application/octet-stream` when it is not a valid one. */
export function cleanMediaType(contentType: string): string {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return MEDIA_TYPE.test(type) ? type : UNKNOWN_MEDIA_TYPE;
}
