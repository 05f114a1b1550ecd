import type { Adapters } from './app-adapters.js';
import type { EventLog } from './ports/event-log.js';
import type { Metrics, Server } from './ports/metrics.js';
import type { ObjectStore } from './ports/object-store.js';
import type { Tracing } from './ports/tracing.js';

interface Observers {
  readonly metrics: Metrics | undefined;
  readonly tracing: Tracing | undefined;
}

type Observe = <Result>(server: Server, call: string, work: () => Promise<Result>) => Promise<Result>;

/** The adapters, where metrics and traces are told of the calls of their servers. Redis's commands tell traces of themselves. */
export function observedCalls(adapters: Adapters, observers: Observers): Adapters {
  const { metrics, tracing } = observers;
  if (metrics === undefined && tracing === undefined) return adapters;
  const observe: Observe = (server, call, work) =>
    timed(metrics, server, call, () => traced(tracing, server, call, work));
  return {
    ...adapters,
    ...(metrics !== undefined && { events: observedEvents(adapters.events, observe, metrics) }),
    files: observedStore(adapters.files, observe),
  };
}

async function timed<Result>(
  metrics: Metrics | undefined,
  server: Server,
  call: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (metrics === undefined) return work();
  const start = performance.now();
  let hasFailed = true;
  try {
    const result = await work();
    hasFailed = false;
    return result;
  } finally {
    metrics.callEnded({ server, call, hasFailed, seconds: (performance.now() - start) / 1_000 });
  }
}

function traced<Result>(
  tracing: Tracing | undefined,
  server: Server,
  call: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (tracing === undefined || server === 'redis') return work();
  // Without the key: it lets whoever has it read the file.
  return tracing.during(`${server} ${call}`, { kind: 'client', attributes: { 'flynkle.store.call': call } }, work);
}

/** The store, whose calls are observed: `put` with the sending of all bytes, `get` until the first. */
function observedStore(store: ObjectStore, observe: Observe): ObjectStore {
  return {
    description: store.description,
    put: (key, bytes, contentType) => observe('store', 'put', () => store.put(key, bytes, contentType)),
    get: (key, range) => observe('store', 'get', () => store.get(key, range)),
    ping: () => store.ping(),
    delete: (key) => observe('store', 'delete', () => store.delete(key)),
  };
}

/** The event log, whose events are counted, and whose calls are observed where it is in Redis. */
function observedEvents(log: EventLog, observe: Observe, metrics: Metrics): EventLog {
  const call = <Result>(name: string, work: () => Promise<Result>) =>
    log.isShared ? observe('redis', name, work) : work();
  return {
    isShared: log.isShared,
    write: (stream, writer, first, events) => {
      metrics.eventsWritten(events.length);
      const write = () => log.write(stream, writer, first, events);
      return log.isShared ? observe('redis', 'write', async () => write()) : write();
    },
    takeOver: (stream) => call('take_over', () => log.takeOver(stream)),
    follow: (stream, after, signal) => call('follow', () => log.follow(stream, after, signal)),
    release: (stream) => {
      log.release(stream);
    },
    close: () => log.close(),
  };
}
