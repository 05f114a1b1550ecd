// A process of the program `streams`: a model that writes a piece with the time in it each 100 ms; with the address of
// one as its argument, a relay that passes on what that one writes, the least that a service between could do.
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

const PIECE_MS = 100;

/** Ends each answer that is being written. */
const ends = new Set<() => void>();

/** Milliseconds on a clock that all processes of this machine share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

const chunk = (delta: object, finishReason: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`;

/** The question says how many pieces to write: `12 pieces`. */
async function answer(asked: IncomingMessage, response: ServerResponse): Promise<void> {
  let left = Number([...(await text(asked)).matchAll(/(\d+) pieces"/g)].at(-1)?.[1] ?? 10);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let due = now();
  let timer: NodeJS.Timeout | undefined;
  const write = () => {
    clearTimeout(timer);
    if (left-- <= 0) {
      response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
      return;
    }
    response.write(chunk({ content: `@${now().toFixed(3)};` }));
    // An interval would begin anew after each delay of this process, and so write fewer pieces than its readers are said to get.
    due += PIECE_MS;
    timer = setTimeout(write, Math.max(1, due - now()));
  };
  const end = () => {
    left = 0;
    write();
  };
  ends.add(end);
  response.once('close', () => {
    clearTimeout(timer);
    ends.delete(end);
  });
  write();
}

function relay(to: string, asked: IncomingMessage, response: ServerResponse): void {
  const sent = request(`${to}/chat/completions`, { method: 'POST' }, (answered) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    answered.on('data', (piece: Buffer) => response.write(piece));
    answered.once('end', () => response.end());
  });
  asked.pipe(sent);
}

const [to] = process.argv.slice(2);
const server = createServer((asked, response) => {
  if (to === undefined) void answer(asked, response);
  else relay(to, asked, response);
});
server.listen(0, '127.0.0.1', 4096, () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
});
process.on('message', (what) => {
  if (what === 'end') for (const end of ends) end();
});
process.once('disconnect', () => process.exit());
