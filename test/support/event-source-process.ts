/** Follows a stream with an EventSource, and reports what it tells until it is closed: `event-source-process.ts <kind> <url>`. */
import { EventSource as PackagedEventSource } from 'eventsource';

const [kind, url = ''] = process.argv.slice(2);
const Source = kind === 'package' ? PackagedEventSource : (globalThis.EventSource as typeof PackagedEventSource);
const source = new Source(url);

// While Node's own waits to connect again, nothing else keeps the process.
setInterval(() => undefined, 60_000);

const report = (told: object, then?: () => void) => process.stdout.write(`${JSON.stringify(told)}\n`, then);

for (const type of ['delta', 'completed', 'failed']) {
  source.addEventListener(type, ({ lastEventId, data }) => {
    report({ type, id: lastEventId, data: JSON.parse(String(data)) as unknown });
  });
}
source.addEventListener('open', () => report({ type: 'open' }));
source.addEventListener('error', () => {
  if (source.readyState !== Source.CLOSED) report({ type: 'reconnecting' });
  else report({ type: 'closed' }, () => process.exit());
});
