import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * Starts a host for each of Jest's workers, before the first suite. A worker loads every module again for each suite, which
 * takes seconds where a module is the whole service: so services run in hosts, which load it once.
 */
async function startHosts({ maxWorkers }: { readonly maxWorkers: number }): Promise<void> {
  // Made when a suite first needs it: see createMigratedDatabase().
  process.env['TEST_TEMPLATE'] = `flynkle_template_${randomUUID().replaceAll('-', '')}`;
  const hosts = Array.from({ length: maxWorkers }, startHost);
  Object.assign(globalThis, { testHosts: hosts });
  const ports = await Promise.all(hosts.map(portOf));
  process.env['TEST_HOSTS'] = ports.map((port) => `http://127.0.0.1:${port.toString()}`).join(',');
}

function startHost(): ChildProcess {
  return fork(fileURLToPath(new URL('host-process.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx', '--expose-gc'],
    env: { ...process.env, NODE_ENV: 'test' },
  });
}

async function portOf(host: ChildProcess): Promise<number> {
  const [port] = (await once(host, 'message')) as [number];
  return port;
}

export { startHosts as default };
