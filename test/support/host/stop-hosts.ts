import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Ends the hosts, which close what is still open in them. */
async function stopHosts(): Promise<void> {
  const { testHosts = [] } = globalThis as { readonly testHosts?: readonly ChildProcess[] };
  await Promise.all(
    testHosts.map(async (host) => {
      if (host.exitCode !== null || host.signalCode !== null) return;
      host.disconnect();
      await once(host, 'exit');
    }),
  );
}

export { stopHosts as default };
