import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from './free-port.js';
import { printedUntil } from './printed-text.js';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  signal(signal: NodeJS.Signals): void;
  /** Kills it and starts it again on the same port, empty. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A Redis of its own, which may be stopped and killed. Debian's package has it. */
export async function startRedisServer(directory: string, ...settings: string[]): Promise<RedisServer> {
  const port = await freePort();
  let child: ChildProcess;
  const start = async () => {
    const options = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      directory,
      ...settings,
    ];
    const started = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'ignore'] });
    child = started;
    await printedUntil(started.stdout, 'Ready to accept connections');
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    signal: (signal) => {
      child.kill(signal);
    },
    restart: async () => {
      await kill();
      await start();
    },
    close: kill,
  };
}
