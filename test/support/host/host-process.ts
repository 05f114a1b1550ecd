/**
 * Runs services and databases for the suites of one of Jest's workers, one suite after another, until whoever started it
 * disconnects. It sends the port that it listens on, and answers the calls of protocol.ts there.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { deserialize, serialize } from 'node:v8';
import type { AddressInfo } from 'node:net';
import { SUITE_HEADER, type Host, type HostAnswer } from './protocol.js';

let host: Promise<Host & { releaseAll(): Promise<void>; close(): Promise<void> }> | undefined;
let suite: string | undefined;

/** Loads the service when a suite first needs it: a run of suites that need none is spared that. */
async function loadHost() {
  const { SuiteHost } = await import('./suite-host.js');
  return new SuiteHost();
}

async function answer(request: IncomingMessage): Promise<HostAnswer> {
  try {
    host ??= loadHost();
    const ready = await host;
    const caller = request.headers[SUITE_HEADER];
    if (caller !== suite) await ready.releaseAll();
    suite = String(caller);
    const name = (request.url ?? '').slice(1) as keyof Host;
    const parameters = deserialize(await buffer(request)) as never[];
    return { value: await (ready[name] as (...parameters: never[]) => Promise<unknown>)(...parameters) };
  } catch (error) {
    return { error: errorParts(error) };
  }
}

/** What suites look at in an error; all else of it may be impossible to serialize. */
function errorParts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  return { name, message, stack, ...('code' in error && { code: error.code }) };
}

const server = createServer((request, response) => {
  void answer(request).then((result) => response.end(serialize(result)));
});
// A suite may call again after any time: closing an idle connection would race with its next request.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

process.once('disconnect', () => {
  const closed = host === undefined ? Promise.resolve() : host.then((ready) => ready.close());
  // Whatever fails here has nobody to fail for: the run is over.
  void closed.finally(() => process.exit());
});
// Ctrl+C reaches this process too, and Jest ends it by disconnecting.
process.on('SIGINT', () => undefined);
