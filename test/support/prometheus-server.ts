import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.js';
import { printedUntil } from './printed-text.js';

export interface PrometheusServer {
  /** The answer's `data` of its HTTP API. */
  ask(path: string, parameters?: Readonly<Record<string, string>>): Promise<unknown>;
  close(): Promise<void>;
}

const RULES = fileURLToPath(new URL('../../deploy/prometheus/flynkle.rules.yml', import.meta.url));

export function hasPrometheus(): boolean {
  return spawnSync('prometheus', ['--version']).status === 0;
}

/** A Prometheus of its own with the rules of `deploy/`, which asks the target every second. Debian's package has it. */
export async function startPrometheus(directory: string, target: string): Promise<PrometheusServer> {
  await mkdir(directory, { recursive: true });
  await cp(RULES, join(directory, 'flynkle.rules.yml'));
  const configuration = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['flynkle.rules.yml'],
    scrape_configs: [{ job_name: 'flynkle', static_configs: [{ targets: [target] }] }],
  };
  // YAML takes JSON.
  await writeFile(join(directory, 'prometheus.yml'), JSON.stringify(configuration));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    'prometheus',
    ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=${address}`],
    { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ready = 'Server is ready to receive web requests';
  const log = await printedUntil(child.stderr, ready);
  if (!log.includes(ready)) throw new Error(`Prometheus did not start:\n${log}`);
  return {
    ask: async (path, parameters = {}) => {
      const answer = await fetch(`http://${address}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
      const { status, data, error } = (await answer.json()) as { status: string; data: unknown; error?: string };
      if (status !== 'success') throw new Error(`${path}: ${error ?? status}`);
      return data;
    },
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
