import { tracingChannel } from 'node:diagnostics_channel';
import type { Span, Tracing } from '../../ports/tracing.js';

/** What the library tells of a command. Its arguments are not told on: some are keys of people, some are events. */
interface Told {
  readonly command: string;
  readonly serverAddress: string;
  readonly serverPort: number | undefined;
  readonly error?: unknown;
}

/**
 * Tells of each command of this process that is sent during traced work.
 * @returns a function that stops it
 */
export function traceCommands(tracing: Tracing): () => void {
  const channel = tracingChannel<'ioredis:command', Told>('ioredis:command');
  const spans = new WeakMap<Told, Span>();
  const nothing = () => undefined;
  const listeners = {
    start: (told: Told) => {
      const operation = told.command.toUpperCase();
      const attributes = {
        'db.system.name': 'redis',
        'db.operation.name': operation,
        'server.address': told.serverAddress,
        'server.port': told.serverPort,
      };
      const span = tracing.begin(operation, { kind: 'client', attributes });
      if (span !== undefined) spans.set(told, span);
    },
    end: nothing,
    asyncStart: nothing,
    asyncEnd: (told: Told) => {
      spans.get(told)?.end();
    },
    error: (told: Told) => {
      spans.get(told)?.fail(told.error);
    },
  };
  channel.subscribe(listeners);
  return () => {
    channel.unsubscribe(listeners);
  };
}
