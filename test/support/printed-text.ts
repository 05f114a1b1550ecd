import type { Readable } from 'node:stream';

/**
 * Reads a process's output until the text is in it, or it ends, and goes on reading for nobody: a `for await` that is left would
 * close the pipe, and the next line of a program in Go would end it by SIGPIPE.
 * @returns what was printed by then
 */
export async function printedUntil(output: Readable, text: string): Promise<string> {
  let printed = '';
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    printed += String(chunk);
    if (printed.includes(text)) break;
  }
  output.resume();
  return printed;
}
