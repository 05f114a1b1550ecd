import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { type Child, startChild } from './child-process.js';
import { collectGarbage } from './collect-garbage.js';
import { migrationsDirectory } from './servers.js';

/** A folder for an embedded database, and the processes that a test has open it. */
export class EmbeddedFolder {
  readonly #children: Child[] = [];

  private constructor(readonly path: string) {}

  static async make(): Promise<EmbeddedFolder> {
    return new EmbeddedFolder(await mkdtemp(join(tmpdir(), 'embedded-')));
  }

  /** Starts database-process.ts, by default in this folder. */
  start(action: string, args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): Child {
    const child = startChild('database-process.ts', [action, ...args], {
      DATA_DIR: this.path,
      MIGRATIONS: migrationsDirectory,
      ...environment,
    });
    this.#children.push(child);
    return child;
  }

  /** Stores a user in a separate process: making a database takes more memory than a Jest worker may use. */
  async store(dataDirectory = this.path) {
    const child = this.start('store', [], { DATA_DIR: dataDirectory });
    const [report] = await Array.fromAsync(child.reports);
    await expect(child.ended).resolves.toMatchObject({ code: 0, errors: '' });
    return report as { users: number; embedded: boolean; description: string; id: string };
  }

  /** Kills what still runs, and removes the folder. */
  async remove(): Promise<void> {
    for (const child of this.#children) child.process.kill('SIGKILL');
    await Promise.all(this.#children.map((child) => child.ended));
    await rm(this.path, { recursive: true });
    collectGarbage();
  }
}
