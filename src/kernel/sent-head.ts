import type { OutgoingMessage } from 'node:http';

/** Node asks only whether there is one. */
const SENT = 'sent';

/**
 * Lets go of the head of a request or an answer that was sent, which Node keeps until the other side has ended: of a request, in the
 * sixty pieces that it was made of, some 2 KB.
 */
export function forgetHead(message: OutgoingMessage): void {
  if ('_header' in message && typeof message._header === 'string') message._header = SENT;
}
