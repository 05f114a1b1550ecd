import type { StreamEvent } from '../scenario/scenario';

/** The events in a body, as it comes, of a client that leaves reading them to its user. */
export async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as StreamEvent;
    }
  }
}

/**
 * Stops an answer as REST does: by leaving the stream of a chat that stores nothing. The text that came.
 * @param stream begins the stream, which ends when the signal says so
 */
export async function leave(stream: (signal: AbortSignal) => Promise<AsyncIterable<StreamEvent>>): Promise<string> {
  const controller = new AbortController();
  let text = '';
  try {
    for await (const event of await stream(controller.signal)) {
      text += event.text ?? '';
      controller.abort();
    }
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  }
  return text;
}
