import { prepareValue } from 'pg/lib/utils.js';

// Parts of messages that a client of PostgreSQL sends (https://www.postgresql.org/docs/current/protocol-message-formats.html).
const BIND = 'B'.charCodeAt(0);
const INT16 = 2;
const INT32 = 4;
const NO_VALUE = -1;
/** Execute the unnamed portal to its end, then Sync. */
const EXECUTE_AND_SYNC = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);
/** All results as text: one format for all of them. */
const RESULT_FORMATS = INT16 * 2;

/**
 * The bytes that run a statement which the connection has prepared: Bind, Execute and Sync in one write.
 * @returns undefined for values that are no text, which `pg` sends in another format
 */
export function preparedCall(name: string, values: readonly unknown[]): Buffer | undefined {
  const texts: (string | null)[] = [];
  let size = INT32 + 1 + Buffer.byteLength(name) + 1 + INT16 * 2 + RESULT_FORMATS;
  for (const value of values) {
    const text = typeof value === 'string' ? value : prepareValue(value);
    if (typeof text !== 'string' && text !== null) return undefined;
    size += INT32 + (text === null ? 0 : Buffer.byteLength(text));
    texts.push(text);
  }
  const call = Buffer.allocUnsafe(1 + size + EXECUTE_AND_SYNC.length);
  call[0] = BIND;
  let at = call.writeInt32BE(size, 1);
  // The unnamed portal.
  at = call.writeInt8(0, at);
  at += call.write(name, at);
  at = call.writeInt8(0, at);
  // All parameters as text.
  at = call.writeInt16BE(0, at);
  at = call.writeInt16BE(texts.length, at);
  for (const text of texts) {
    const written = text === null ? NO_VALUE : call.write(text, at + INT32);
    call.writeInt32BE(written, at);
    at += INT32 + Math.max(0, written);
  }
  at = call.writeInt16BE(1, at);
  at = call.writeInt16BE(0, at);
  EXECUTE_AND_SYNC.copy(call, at);
  return call;
}
