import { ToolServerFailed } from '../../ports/tool-server.js';

interface Bounds {
  /** Maximum bytes of all answers together, after decompression. */
  readonly maxBytes: number;
  /** Maximum requests: a server may ask back, and would be answered each time. */
  readonly maxRequests: number;
  readonly signal: AbortSignal;
  /** Called when a bound is passed, since whoever reads a stream of events is not told. */
  readonly onExceeded: (failure: ToolServerFailed) => void;
  /** Sends the requests. */
  readonly send: typeof fetch;
}

/** How long the end of a session may take, which nobody waits for. */
const GOODBYE_MS = 2_000;

/** A `fetch` for one visit to a server: it reads no more than is allowed, and goes nowhere else. */
export function boundedFetch({ maxBytes, maxRequests, signal, onExceeded, send }: Bounds) {
  let bytes = 0;
  let requests = 0;
  const exceed = (): ToolServerFailed => {
    const failure = new ToolServerFailed('TOO_LARGE');
    onExceeded(failure);
    return failure;
  };
  return async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    // No stream of events beside the answers: what a server has to say of itself is not listened to.
    if (init.method === 'GET') return new Response(null, { status: 405 });
    if (++requests > maxRequests) throw exceed();
    const isGoodbye = init.method === 'DELETE';
    const response = await send(url, {
      ...init,
      redirect: 'error',
      signal: isGoodbye ? AbortSignal.timeout(GOODBYE_MS) : signal,
    });
    if (response.body === null) return response;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          bytes += chunk.byteLength;
          if (bytes > maxBytes) controller.error(exceed());
          else controller.enqueue(chunk);
        },
      }),
    );
    const { status, statusText, headers } = response;
    return new Response(counted, { status, statusText, headers });
  };
}
