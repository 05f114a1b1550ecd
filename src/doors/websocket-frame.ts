const FINAL_TEXT = 0x81;
/** Bytes of a text whose length fits in the frame's second byte; a longer one has it in two bytes or eight after that. */
const SHORT = 125;
const MEDIUM = 0xffff;

/** A ping without data. */
export const PING_FRAME = Buffer.from([0x89, 0]);

/**
 * A whole message of a server as a frame without compression (RFC 6455, 5.2), in one buffer. `ws` writes the head and the text of a
 * frame one by one, which takes twice the time. It writes at once as long as nothing is compressed, so that frames of both keep
 * their order.
 */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length <= SHORT ? 2 : length <= MEDIUM ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = FINAL_TEXT;
  if (head === 2) frame[1] = length;
  else if (head === 4) {
    frame[1] = SHORT + 1;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = SHORT + 2;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, head);
  return frame;
}

/** As {@link textFrame}, of the bytes of a text that is written in parts; they and the frame have a character for each byte. */
export function byteFrame(beginning: string, rest: string): string {
  const length = beginning.length + rest.length;
  if (length > MEDIUM) throw new RangeError('A frame of parts has at most 65,535 bytes');
  const head =
    length <= SHORT
      ? String.fromCharCode(FINAL_TEXT, length)
      : String.fromCharCode(FINAL_TEXT, SHORT + 1, length >> 8, length & 0xff);
  return head + beginning + rest;
}
