// A server of the part `streams`: the least that a stream of events to many readers can cost. Who asks for `/<door>/<name>` is
// written what a reader of that door is, each 100 ms, by a loop of `response.write` over all readers of the name.
import { createServer, type ServerResponse } from 'node:http';

const PIECE_MS = 100;

/** As the model's clock. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

const result = (sequence: number, text: string) =>
  JSON.stringify({ data: { reply: { __typename: 'ReplyDelta', sequence, text } } });

const FRAMES: Readonly<Record<string, (sequence: number, text: string) => string>> = {
  rest: (sequence, text) => `id: ${sequence}\nevent: delta\ndata: ${JSON.stringify({ sequence, text })}\n\n`,
  sse: (sequence, text) => `event: next\ndata: ${result(sequence, text)}\n\n`,
  websocket: (sequence, text) => `{"id":"1","type":"next","payload":${result(sequence, text)}}`,
};

const readers = new Map<string, Set<ServerResponse>>();

function join(path: string, response: ServerResponse): void {
  const frame = FRAMES[path.split('/')[1] ?? ''];
  if (frame === undefined) throw new Error(`There is no ${path}`);
  const others = readers.get(path);
  if (others !== undefined) {
    others.add(response);
    return;
  }
  const all = new Set([response]);
  readers.set(path, all);
  let sequence = 0;
  const timer = setInterval(() => {
    if (readers.get(path) !== all) {
      clearInterval(timer);
      return;
    }
    const text = frame(++sequence, `@${now().toFixed(3)};`);
    for (const reader of all) reader.write(text);
  }, PIECE_MS);
}

createServer((asked, response) => {
  const { method, url = '' } = asked;
  if (method === 'POST') {
    for (const all of readers.values()) for (const reader of all) reader.end();
    readers.clear();
  }
  if (method === 'POST' || url === '/live') response.end();
  else {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    join(url, response);
  }
}).listen(Number(process.env['PORT']), process.env['HOST'], 4096);
